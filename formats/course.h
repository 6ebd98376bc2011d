/* course.h -- which pictures are shown in which step, and in which record of it.
 *
 * Step s shows the positions (s mod steps_per_epoch) * batch ... of epoch s div steps_per_epoch; a
 * position is a picture by itself, or through a permutation that is keyed by seed and epoch. So a
 * run can begin at any step without having run the steps before it.
 * SPDX-License-Identifier: MIT */
#ifndef COURSE_H
#define COURSE_H

#include <stdbool.h>
#include <stdint.h>

struct course {
    int64_t images; /* pictures of the data set */
    int batch;      /* pictures a step; the last step of an epoch may have fewer */
    int part;       /* rows a record, at most; <= batch */
    int64_t epochs, steps, steps_per_epoch;
    bool shuffle;
    int64_t seed;
};

/* One record. */
struct course_part {
    int64_t epoch;
    int64_t first; /* position of its first row within the epoch */
    int rows, parts;
};

/* Fill steps_per_epoch and steps from the rest; `keep` keeps an incomplete last batch. part 0 or
 * above the batch means the batch. */
void course_plan(struct course *course, bool keep);

/* Part `part` of step `step`; 0 <= part < .parts (ask for part 0 first). */
struct course_part course_part(const struct course *course, int64_t step, int part);

/* The picture at row `row` of a part. */
int64_t course_id(const struct course *course, const struct course_part *part, int row);

#endif
