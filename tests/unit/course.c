/* course -- every picture once an epoch, whatever the batch and the parts.
 * SPDX-License-Identifier: MIT */
#include "formats/course.h"

#include "tests/unit/tap.h"

#include <string.h>

/* Run all steps and parts; counts how often each picture comes, checks order and extents. */
static int run(const struct course *c, int *seen)
{
    int good = 1;
    for (int64_t step = 0; step < c->steps; step++) {
        int rows = 0, parts = 1;
        for (int p = 0; p < parts; p++) {
            const struct course_part part = course_part(c, step, p);
            parts = part.parts;
            rows += part.rows;
            good &= part.epoch == step / c->steps_per_epoch && part.rows >= 1 &&
                    part.rows <= c->part && (p == parts - 1 || part.rows == c->part);
            for (int i = 0; i < part.rows; i++) {
                const int64_t id = course_id(c, &part, i);
                good &= id >= 0 && id < c->images;
                seen[id]++;
                if (!c->shuffle)
                    good &= id == step % c->steps_per_epoch * c->batch + p * c->part + i;
            }
        }
        good &= rows == c->batch || (step + 1) % c->steps_per_epoch == 0;
    }
    return good;
}

int main(void)
{
    int seen[103];
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        for (int part = 0; part < 12; part += 3) {
            struct course c = {.images = 103,
                .batch = 10,
                .part = part,
                .epochs = 4,
                .shuffle = shuffle != 0,
                .seed = 7};
            int all = 1, sum = 0;
            course_plan(&c, true);
            memset(seen, 0, sizeof seen);
            OK(run(&c, seen) && c.steps_per_epoch == 11 && c.steps == 44, "parts of %d rows", part);
            for (int i = 0; i < 103; i++)
                all &= seen[i] == 4;
            OK(all, "with the last batch each picture comes once an epoch");

            c.part = part;
            course_plan(&c, false);
            memset(seen, 0, sizeof seen);
            OK(run(&c, seen) && c.steps_per_epoch == 10 && c.steps == 40, "without the last batch");
            for (int i = 0; i < 103; i++) {
                sum += seen[i];
                all &= seen[i] <= 4;
            }
            OK(all && sum == 400, "100 of 103 pictures an epoch");
        }
    }

    struct course c = {.images = 50, .batch = 50, .epochs = 2, .shuffle = true, .seed = 1}, d;
    course_plan(&c, false);
    d = c;
    d.seed = 2;
    const struct course_part first = course_part(&c, 0, 0), second = course_part(&c, 1, 0);
    int same_epoch = 0, same_seed = 0, in_order = 0;
    for (int i = 0; i < 50; i++) {
        same_epoch += course_id(&c, &first, i) == course_id(&c, &second, i);
        same_seed += course_id(&c, &first, i) == course_id(&d, &first, i);
        in_order += course_id(&c, &first, i) == i;
    }
    OK(same_epoch < 25 && same_seed < 25 && in_order < 25,
        "epochs and seeds have orders of their own");
    return tap_done();
}
