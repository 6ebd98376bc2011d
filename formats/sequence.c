/* sequence -- the order in which steps and parts may follow each other in a stream.
 * SPDX-License-Identifier: MIT */
#include "formats/sequence.h"

int sequence_end(const struct sequence *sequence, struct err *err)
{
    if (sequence->records > 0 && sequence->part + 1 < sequence->parts)
        return err_set(err, ERR_INPUT, "step %lld has %d parts, only %d came",
            (long long)sequence->step, sequence->parts, sequence->part + 1);
    return 0;
}

int sequence_next(struct sequence *sequence, const struct record *record, struct err *err)
{
    const bool inside = sequence->records > 0 && sequence->part + 1 < sequence->parts;
    if (record->rows < 1 || record->step < 0 || record->epoch < 0 || record->part < 0 ||
        record->part >= record->parts)
        return err_set(err, ERR_INPUT, "%d rows as part %d of %d of step %lld cannot be",
            record->rows, record->part, record->parts, (long long)record->step);
    if (inside && record->step != sequence->step)
        return sequence_end(sequence, err);
    if (inside && (record->part != sequence->part + 1 || record->parts != sequence->parts ||
                      record->epoch != sequence->epoch))
        return err_set(err, ERR_INPUT, "part %d of %d of step %lld follows part %d of %d",
            record->part, record->parts, (long long)record->step, sequence->part, sequence->parts);
    if (!inside && record->part != 0)
        return err_set(
            err, ERR_INPUT, "step %lld begins with part %d", (long long)record->step, record->part);
    if (!inside && sequence->records > 0 && record->step <= sequence->step)
        return err_set(err, ERR_INPUT, "step %lld follows step %lld", (long long)record->step,
            (long long)sequence->step);
    if (!inside && sequence->records > 0 && record->epoch < sequence->epoch)
        return err_set(err, ERR_INPUT, "epoch %lld follows epoch %lld", (long long)record->epoch,
            (long long)sequence->epoch);
    sequence->records++;
    sequence->rows += record->rows;
    sequence->step = record->step;
    sequence->epoch = record->epoch;
    sequence->part = record->part;
    sequence->parts = record->parts;
    return 0;
}
