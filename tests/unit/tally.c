/* tally -- counts and the table of classes.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/tally.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

int main(void)
{
    const int rank[] = {0, 4, 5, TALLY_UNKNOWN, 0}, label[] = {1, 1, 0, 9, 0};
    const struct tally t = tally_count(rank, 5);
    OK(t.rows == 5 && t.top1 == 2 && t.top5 == 3 && t.unknown == 1, "counts");
    NEAR(tally_percent(1, 8), 12.5, 0, "percent");
    NEAR(tally_percent(0, 0), 0, 0, "of nothing");
    const double score[] = {1, 3, 3, 2};
    OK(tally_rank(score, 4, 1) == 0 && tally_rank(score, 4, 2) == 1 && tally_rank(score, 4, 0) == 3,
        "ranks; among equals the lower class is first");
    struct err err = {0};
    json_t *const names = json_pack("[s,s]", "ca\tt", "dog");
    char *const text = tally_classes(rank, label, 5, names, &err);
    OK(strcmp(text, "class\tname\trows\ttop1\ttop5\n0\tca?t\t2\t50.00\t50.00\n"
                    "1\tdog\t2\t50.00\t100.00\n9\t-\t1\t0.00\t0.00\n") == 0,
        "the table of classes");
    free(text);
    json_decref(names);
    return tap_done();
}
