/* course -- the arithmetic of steps, epochs and parts.
 * SPDX-License-Identifier: MIT */
#include "formats/course.h"

#include "lib/base/rng.h"

void course_plan(struct course *course, bool keep)
{
    if (course->part < 1 || course->part > course->batch)
        course->part = course->batch;
    course->steps_per_epoch = (course->images + (keep ? course->batch - 1 : 0)) / course->batch;
    course->steps = course->steps_per_epoch * course->epochs;
}

struct course_part course_part(const struct course *course, int64_t step, int part)
{
    const int64_t start = step % course->steps_per_epoch * course->batch;
    const int64_t left = course->images - start;
    const int rows = left < course->batch ? (int)left : course->batch;
    const int skip = part * course->part;
    return (struct course_part){
        .epoch = step / course->steps_per_epoch,
        .first = start + skip,
        .rows = rows - skip < course->part ? rows - skip : course->part,
        .parts = (rows + course->part - 1) / course->part,
    };
}

int64_t course_id(const struct course *course, const struct course_part *part, int row)
{
    const int64_t position = part->first + row;
    return course->shuffle
               ? rng_permute(course->seed, part->epoch, "shuffle", course->images, position)
               : position;
}
