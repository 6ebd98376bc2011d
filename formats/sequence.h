/* sequence.h -- the order in which steps and parts may follow each other in a stream.
 * SPDX-License-Identifier: MIT */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include "formats/stream.h"

/* Where a stream stands; zeroed before its first record. */
struct sequence {
    int64_t records, rows; /* since the header */
    int64_t step, epoch;   /* of the last record */
    int part, parts;
};

/* Take the next record. Errors: ERR_INPUT, and nothing is taken. */
int sequence_next(struct sequence *sequence, const struct record *record, struct err *err);

/* May the stream end here? Errors: ERR_INPUT when parts of the last step are missing. */
int sequence_end(const struct sequence *sequence, struct err *err);

#endif
