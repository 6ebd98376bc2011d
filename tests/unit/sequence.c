/* sequence -- which record may follow which.
 * SPDX-License-Identifier: MIT */
#include "formats/sequence.h"
#include "tests/unit/tap.h"

static struct sequence sequence;
static struct err err;

static bool next(int64_t step, int64_t epoch, int part, int parts)
{
    const struct record record = {
        .step = step, .epoch = epoch, .part = part, .parts = parts, .rows = 2};
    err = (struct err){0};
    return sequence_next(&sequence, &record, &err) == 0;
}

int main(void)
{
    OK(sequence_end(&sequence, &err) == 0, "nothing may end");
    OK(!next(0, 0, 1, 2) && !next(0, 0, 0, 0) && !next(-1, 0, 0, 1) && !next(0, -1, 0, 1),
        "a first record that cannot be");
    OK(next(4, 1, 0, 2) && sequence_end(&sequence, &err) != 0, "a part of two is no end");
    OK(err.status == ERR_INPUT, "%s", err.text);
    OK(!next(5, 1, 0, 1) && !next(4, 1, 0, 2) && !next(4, 1, 1, 3) && !next(4, 2, 1, 2),
        "nor may anything but its second part follow");
    err = (struct err){0};
    OK(next(4, 1, 1, 2) && sequence_end(&sequence, &err) == 0, "with which it is complete");
    OK(!next(4, 1, 0, 1) && !next(3, 1, 0, 1) && !next(5, 0, 0, 1),
        "steps rise, epochs never fall");
    OK(next(9, 1, 0, 1) && next(10, 3, 0, 1), "gaps are allowed");
    OK(sequence.records == 4 && sequence.rows == 8, "only what was taken is counted");
    return tap_done();
}
