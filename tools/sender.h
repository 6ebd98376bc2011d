/* sender.h -- the pictures of a course, read ahead and sent step by step.
 *
 * A picture that cannot be read is left out (bad.h) and its step has the others; ids, steps and
 * what is drawn for other pictures stay as they were. A step that loses all its pictures is not
 * sent. The number of parts of a step is told with the first one, so no part may get lost: the
 * pictures beside it are dealt out evenly to it and to the ones that lost theirs, in their order.
 * An epoch that loses all its pictures is an error: nobody trains on nothing.
 * SPDX-License-Identifier: MIT */
#ifndef SENDER_H
#define SENDER_H

#include "formats/course.h"
#include "formats/dataset.h"
#include "formats/selection.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct sender;

/* What is to be sent is borrowed. `set` may be one that passes by; then the course has one epoch and
 * its number of images is not looked at: records of `course->batch` pictures until there are no
 * more. Errors: ERR_FAILED for memory and threads. */
struct sender *sender_new(struct dataset *set, const struct selection *selection,
    const struct course *course, const struct header *header, struct err *err);
void sender_free(struct sender *sender); /* NULL is fine */

/* Send everything from step `start`. Errors: ERR_INPUT when nothing is left of an epoch, or too
 * little of a step for its parts; what fetch.h and stream.h say. */
int sender_run(struct sender *sender, struct writer *writer, int64_t start, struct err *err);

int64_t sender_tried(const struct sender *sender); /* pictures, those that were left out too */
int64_t sender_sent(const struct sender *sender);  /* pictures in the stream */
double sender_waited(const struct sender *sender); /* seconds, for pictures to be read */
int64_t sender_bytes(const struct sender *sender); /* that were read */

#endif
