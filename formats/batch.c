/* batch -- the columns of a record of pictures.
 * SPDX-License-Identifier: MIT */
#include "formats/batch.h"

#include <stdlib.h>
#include <string.h>

int batch_open(struct batch *out, const struct header *header, int rows, struct err *err)
{
    const size_t stride = (size_t)rows + 1;
    const int pixels = header_find(header, "pixels");
    *out = (struct batch){
        .columns = header->columns,
        .picture_column = pixels >= 0 ? pixels : header_find(header, "bytes"),
        .id_column = header_find(header, "id"),
        .label_column = header_find(header, "label"),
        .name_column = header_find(header, "name"),
        .row_bytes = pixels >= 0 ? header->column[pixels].row_bytes : 0,
    };
    out->field = calloc((size_t)header->columns, sizeof *out->field);
    out->id = calloc(stride, 4 * sizeof *out->id);
    if (out->field == NULL || out->id == NULL) {
        batch_close(out);
        return err_memory(err, "a record");
    }
    out->label = out->id + stride;
    out->picture_offset = out->label + stride;
    out->name_offset = out->picture_offset + stride;
    return 0;
}

void batch_close(struct batch *batch)
{
    free(batch->field);
    free(batch->id);
    bytes_free(&batch->picture);
    bytes_free(&batch->name);
    memset(batch, 0, sizeof *batch);
}

void batch_clear(struct batch *batch)
{
    batch->rows = batch->sent = 0;
    batch->picture.size = batch->name.size = 0;
    batch->picture_sent = batch->name_sent = 0;
    batch->picture_offset[0] = batch->name_offset[0] = 0;
}

int batch_add(struct batch *batch, int64_t id, int label, const char *name,
    const unsigned char *picture, size_t size, struct err *err)
{
    const size_t length = strlen(name);
    unsigned char *const room = bytes_room(&batch->picture, size, err);
    unsigned char *const name_room = bytes_room(&batch->name, length, err);
    if (room == NULL || name_room == NULL)
        return -1;
    memcpy(room, picture, size);
    memcpy(name_room, name, length);
    batch->picture.size += size;
    batch->name.size += length;
    batch->id[batch->rows] = id;
    batch->label[batch->rows] = label;
    batch->rows++;
    batch->picture_offset[batch->rows] = (int64_t)batch->picture.size;
    batch->name_offset[batch->rows] = (int64_t)batch->name.size;
    return 0;
}

/* The offsets of a piece begin with 0. The last one is where the next piece begins: it will be 0
 * then, and the others count from it. Returns the bytes of the piece. */
static int64_t rebase(int64_t *offset, int rows, int64_t sent)
{
    offset[0] = 0;
    for (int i = 1; i <= rows; i++)
        offset[i] -= sent;
    return offset[rows];
}

void batch_piece(struct batch *batch, int rows, struct record *out)
{
    const int first = batch->sent;
    batch->field[batch->id_column] = (struct field){.data = batch->id + first};
    if (batch->label_column >= 0)
        batch->field[batch->label_column] = (struct field){.data = batch->label + first};
    batch->field[batch->picture_column] =
        (struct field){.data = batch->picture.data + batch->picture_sent,
            .offsets = batch->row_bytes > 0 ? NULL : batch->picture_offset + first};
    batch->picture_sent += rebase(batch->picture_offset + first, rows, batch->picture_sent);
    if (batch->name_column >= 0) {
        batch->field[batch->name_column] = (struct field){
            .data = batch->name.data + batch->name_sent, .offsets = batch->name_offset + first};
        batch->name_sent += rebase(batch->name_offset + first, rows, batch->name_sent);
    }
    batch->sent += rows;
    out->rows = rows;
    out->field = batch->field;
    out->fields = batch->columns;
}
