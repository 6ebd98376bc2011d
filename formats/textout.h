/* textout.h -- rows of features as text: CSV as lightly writes it, or JSON lines.
 *
 *     filenames,embedding_0,embedding_1,labels          {"id":0,"label":3,"name":"a.jpg","h":[...]}
 *     a.jpg,0.25,-1.5,3
 *
 * CSV: lines end in CRLF; names are quoted where they must be (RFC 4180); without names the id stands
 * in their place, without labels -1; with `ids` there is one more column, `id`. JSON lines have id,
 * label, view and name where the stream has them, and the features under the name of their column.
 *
 * Numerics: nine significant digits, which give the same f32 again.
 * Errors: ERR_INPUT for a name that the format cannot hold; ERR_FAILED for memory; what channel.h says.
 * SPDX-License-Identifier: MIT */
#ifndef TEXTOUT_H
#define TEXTOUT_H

#include "formats/bytes.h"
#include "formats/channel.h"
#include "formats/stream.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum textout_form { TEXTOUT_CSV, TEXTOUT_JSONL };

struct textout {
    struct channel *channel;
    enum textout_form form;
    bool ids;
    struct bytes text; /* not written yet */
    int64_t rows;      /* so far */
};

/* Begin. `column` is the place of the features in the header, F32 or U8 of one shape. The channel
 * stays the caller's. */
int textout_open(struct textout *out, enum textout_form form, bool ids, struct channel *channel,
    const struct header *header, int column, struct err *err);

int textout_record(struct textout *out, const struct header *header, int column,
    const struct record *record, struct err *err);

/* Write what is left. textout_close() frees. */
int textout_finish(struct textout *out, struct err *err);
void textout_close(struct textout *out);

#endif
