/* parts -- how the views of one input record are cut into records.
 * SPDX-License-Identifier: MIT */
#include "lib/image/parts.h"

static int divide_up(int a, int b)
{
    return a / b + (a % b != 0);
}

/* Records of a step that is not cut. */
static int sizes(const struct parts *parts)
{
    return parts->first > 0 && parts->first < parts->views ? 2 : 1;
}

int parts_cut(struct parts *parts, const struct record *record, int kept, struct err *err)
{
    const long long step = (long long)record->step;
    parts->part = record->part;
    parts->parts = record->parts;
    parts->kept = kept;
    parts->whole = record->parts == 1 && parts->limit == 0;
    if (record->parts == 1) {
        if (parts->limit > 0)
            parts->pieces = divide_up(kept, parts->limit);
        return kept == 0 ? 0 : parts->whole ? sizes(parts) : parts->pieces * parts->views;
    }
    if (record->part == 0)
        parts->pieces = parts->limit > 0 ? divide_up(record->rows, parts->limit) : 1;
    if (kept == 0)
        return err_set(
            err, ERR_INPUT, "step %lld, part %d has no readable picture", step, record->part);
    if (kept < parts->pieces)
        return err_set(err, ERR_INPUT,
            "step %lld, part %d has %d readable pictures, too few for %d pieces", step,
            record->part, kept, parts->pieces);
    if (parts->limit > 0 && divide_up(kept, parts->pieces) > parts->limit)
        return err_set(
            err, ERR_INPUT, "step %lld, part %d has more rows than part 0", step, record->part);
    if ((int64_t)parts->parts * parts->pieces * parts->views > INT32_MAX)
        return err_set(err, ERR_INPUT, "step %lld has too many parts", step);
    return parts->pieces * parts->views;
}

struct parts_range parts_range(const struct parts *parts, int i)
{
    if (parts->whole) {
        const int first = sizes(parts) == 2 ? parts->first : parts->views;
        return (struct parts_range){
            .view = i == 0 ? 0 : first,
            .views = i == 0 ? first : parts->views - first,
            .rows = parts->kept,
            .part = i,
            .parts = sizes(parts),
        };
    }
    const int64_t piece = i / parts->views, kept = parts->kept;
    int64_t first, end;
    if (parts->parts == 1) {
        first = piece * parts->limit;
        end = first + parts->limit < kept ? first + parts->limit : kept;
    } else {
        first = piece * kept / parts->pieces;
        end = (piece + 1) * kept / parts->pieces;
    }
    return (struct parts_range){
        .view = i % parts->views,
        .views = 1,
        .first = (int)first,
        .rows = (int)(end - first),
        .part = parts->part * parts->pieces * parts->views + i,
        .parts = parts->parts * parts->pieces * parts->views,
    };
}
