/* batch -- rows go in one by one and come out whole, in one record or in pieces.
 * SPDX-License-Identifier: MIT */
#include "formats/batch.h"

#include "tests/unit/tap.h"

#include <string.h>

static struct header *make_header(int pixels, int label, int name)
{
    struct err err = {0};
    const int shape[] = {1, 2, 1};
    struct header *const h = header_new("images", &err);
    if (name)
        header_add(h, "name", DTYPE_U8, -1, NULL, &err);
    header_add(h, "id", DTYPE_I64, 0, NULL, &err);
    if (pixels)
        header_add(h, "pixels", DTYPE_U8, 3, shape, &err);
    else
        header_add(h, "bytes", DTYPE_U8, -1, NULL, &err);
    if (label)
        header_add(h, "label", DTYPE_I64, 0, NULL, &err);
    OK(h != NULL && err.status == ERR_NONE, "a header%s", err.text);
    return h;
}

/* Row i: id 10 + i, label i - 1, i bytes (pixels: two), a name of (7 - i) letters. */
static int fill(struct batch *b, int rows, int pixels)
{
    struct err err = {0};
    int failed = 0;
    batch_clear(b);
    for (int i = 0; i < rows; i++) {
        unsigned char data[8];
        char name[9] = {0};
        memset(data, 'A' + i, sizeof data);
        memset(name, 'a' + i, (size_t)(7 - i));
        failed |= batch_add(b, 10 + i, i - 1, name, data, pixels ? 2 : (size_t)i, &err);
    }
    return failed;
}

/* Are the rows of the piece rows first, first + 1, ... of what fill() put in? */
static int check(const struct header *h, const struct record *r, int first, int pixels)
{
    int good = 1;
    for (int i = 0; i < r->rows; i++) {
        const int row = first + i;
        for (int c = 0; c < h->columns; c++) {
            const void *data;
            const size_t size = record_row(h, r, c, i, &data);
            const char *const name = h->column[c].name;
            int64_t number = -99;
            if (h->column[c].dtype == DTYPE_I64)
                memcpy(&number, data, sizeof number);
            if (strcmp(name, "id") == 0)
                good &= number == 10 + row;
            else if (strcmp(name, "label") == 0)
                good &= number == row - 1;
            else if (strcmp(name, "name") == 0)
                good &= size == (size_t)(7 - row) && (size == 0 || *(char *)data == 'a' + row);
            else
                good &= size == (pixels ? 2 : (size_t)row) &&
                        (size == 0 || ((char *)data)[size - 1] == 'A' + row);
        }
    }
    for (int c = 0; c < h->columns; c++)
        good &= h->column[c].ragged == (r->field[c].offsets != NULL) &&
                (!h->column[c].ragged || r->field[c].offsets[0] == 0);
    return good;
}

int main(void)
{
    static const int pieces[][4] = {{7, 0}, {1, 6}, {3, 3, 1}, {2, 2, 2, 1}};
    for (int kind = 0; kind < 8; kind++) {
        const int pixels = kind & 1, label = kind >> 1 & 1, name = kind >> 2;
        struct header *const h = make_header(pixels, label, name);
        struct err err = {0};
        struct batch b;
        OK(batch_open(&b, h, 7, &err) == 0, "opened");
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            struct record r = {0};
            int first = 0, good = fill(&b, 7, pixels) == 0;
            for (int i = 0; i < 4 && pieces[p][i] > 0; i++) {
                batch_piece(&b, pieces[p][i], &r);
                good &= r.rows == pieces[p][i] && check(h, &r, first, pixels);
                first += r.rows;
            }
            OK(good && first == 7, "%s,%s%s in pieces of %d", pixels ? "pixels" : "bytes",
                label ? " labels," : "", name ? " names," : "", pieces[p][0]);
        }
        batch_close(&b);
        header_free(h);
    }
    return tap_done();
}
