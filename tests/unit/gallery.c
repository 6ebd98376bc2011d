/* gallery -- what is picked out of records, and when it is enough.
 * SPDX-License-Identifier: MIT */
#include "lib/image/gallery.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static char told[700];

static void notice(const char *picture, const char *reason)
{
    snprintf(told, sizeof told, "%s: %s", picture, reason);
}

/* A header of views whose pixels have open extents, or of images with `bytes` and `name`. */
static struct header *new_header(bool views, int plan_views)
{
    static const int open[] = {STREAM_VARIES, STREAM_VARIES, 3};
    struct err err = {0};
    struct header *const out = header_new(views ? "views" : "images", &err);
    json_t *const dataset = json_pack("{s:[s,s]}", "class_names", "cat", "dog");
    header_add(out, "id", DTYPE_I64, 0, NULL, &err);
    header_add(out, "label", DTYPE_I64, 0, NULL, &err);
    if (views) {
        header_add(out, "view", DTYPE_I64, 0, NULL, &err);
        header_add(out, "pixels", DTYPE_U8, 3, open, &err);
    } else {
        header_add(out, "bytes", DTYPE_U8, -1, NULL, &err);
        header_add(out, "name", DTYPE_U8, -1, NULL, &err);
    }
    header_set(out, "dataset", dataset, &err);
    if (plan_views > 0)
        header_set_plan(out, &(struct plan){4, plan_views, 1, 10, 10, 0}, &err);
    json_decref(dataset);
    if (err.status != ERR_NONE)
        printf("Bail out! %s\n", err.text);
    return out;
}

/* Two rows, id and id + 1, of one view of size x size; pixels are 10 id + view. */
static int give(struct gallery *g, const struct header *header, int64_t step, int part, int parts,
    int64_t id, int64_t view, int size, struct err *err)
{
    int64_t ids[2] = {id, id + 1}, labels[2] = {id % 3, -1}, views[2] = {view, view};
    unsigned char *const pixels = malloc(2 * (size_t)size * size * 3);
    struct field field[4] = {
        {.data = ids}, {.data = labels}, {.data = views}, {pixels, NULL, {size, size, 3}}};
    const struct record record = {step, 0, part, parts, 2, field, 4, NULL, 0, 0};
    memset(pixels, (int)(10 * id + view), (size_t)size * size * 3);
    memset(pixels + size * size * 3, (int)(10 * (id + 1) + view), (size_t)size * size * 3);
    const int got = gallery_record(g, header, &record, err);
    free(pixels);
    return got;
}

/* The cell at (row, column) shows this, and is that large. */
static int shows(const struct gallery *g, int row, int column, int value, int size)
{
    for (int i = 0; i < g->cells; i++)
        if (g->cell[i].row == row && g->cell[i].column == column)
            return g->cell[i].picture.height == size && g->cell[i].picture.pixels[0] == value;
    return 0;
}

static void check_parts(void)
{
    struct header *const header = new_header(true, 0);
    struct gallery g;
    struct err err = {0};
    gallery_init(&g, &(struct gallery_options){.rows = 3, .labels = true, .names = true});
    OK(gallery_header(&g, header, "x", &err) == 0 && !g.encoded, "views %s", err.text);
    OK(give(&g, header, 7, 0, 4, 1, 0, 5, &err) == 1 &&
            give(&g, header, 7, 1, 4, 3, 0, 5, &err) == 1,
        "more is wanted");
    OK(give(&g, header, 7, 2, 4, 3, 1, 2, &err) == 1 && g.cells == 4,
        "a fourth picture has no row; its neighbour has");
    OK(give(&g, header, 7, 3, 4, 1, 1, 2, &err) == 0 && g.cells == 6, "the step has ended: enough");
    gallery_finish(&g);
    OK(!g.single && shows(&g, 0, 0, 10, 5) && shows(&g, 1, 0, 20, 5) && shows(&g, 2, 0, 30, 5) &&
            shows(&g, 0, 1, 11, 2) && shows(&g, 1, 1, 21, 2) && shows(&g, 2, 1, 31, 2),
        "rows by picture, columns by view, each of its size");
    OK(strcmp(g.cell[0].caption[0], "1") == 0 && strcmp(g.cell[0].caption[1], "dog") == 0 &&
            strcmp(g.cell[1].caption[1], "-") == 0 && strcmp(g.cell[2].caption[1], "cat") == 0,
        "an id, a class, none");
    OK(g.cell[3].caption[0] == NULL, "under the first view only");
    gallery_free(&g);
    header_free(header);
}

static void check_steps(void)
{
    struct header *const header = new_header(true, 2), *const other = new_header(true, 0);
    struct gallery g;
    struct err err = {0};
    gallery_init(&g, &(struct gallery_options){.rows = 4});
    gallery_header(&g, header, "x", &err);
    OK(give(&g, header, 0, 0, 4, 1, 0, 3, &err) == 1 &&
            give(&g, header, 0, 1, 4, 1, 1, 3, &err) == 1 &&
            give(&g, header, 1, 0, 4, 1, 0, 3, &err) == 1,
        "the same pictures again, in another step");
    OK(give(&g, header, 1, 1, 4, 1, 1, 3, &err) == 0, "all views of the plan: enough in mid-step");
    OK(g.cells == 8 && shows(&g, 2, 1, 11, 3) && shows(&g, 3, 1, 21, 3), "in rows of their own");
    gallery_free(&g);
    gallery_init(&g, &(struct gallery_options){.rows = 4});
    gallery_header(&g, other, "x", &err);
    give(&g, other, 0, 0, 1, 1, 0, 3, &err);
    gallery_header(&g, other, "x", &err);
    give(&g, other, 0, 0, 1, 1, 0, 3, &err);
    OK(err.status == ERR_NONE && g.single && g.cells == 4, "another stream is another step");
    gallery_finish(&g);
    OK(shows(&g, 0, 3, 20, 3), "single views side by side");
    gallery_free(&g);
    header_free(header);
    header_free(other);
}

static void check_refused(void)
{
    struct header *const header = new_header(true, 0), *const images = new_header(false, 0);
    struct header *const features = header_copy(header, &(struct err){0});
    struct gallery g;
    for (int view = -1; view <= GALLERY_VIEWS; view += GALLERY_VIEWS + 1) {
        struct err err = {0};
        gallery_init(&g, &(struct gallery_options){.rows = 3});
        gallery_header(&g, header, "x", &err);
        OK(give(&g, header, 0, 0, 1, 1, view, 1, &err) < 0 && err.status == ERR_INPUT,
            "view %d: %s", view, err.text);
        gallery_free(&g);
    }
    struct err err = {0};
    int got = 1;
    gallery_init(&g, &(struct gallery_options){.rows = 3});
    gallery_header(&g, header, "x", &err);
    for (int i = 0; i <= GALLERY_VIEWS && got == 1; i++)
        got = give(&g, header, 0, i, 5000, 1, 1, 1, &err);
    OK(got < 0 && err.status == ERR_INPUT && strstr(err.text, "more than 1000 views") != NULL,
        "one view again and again");
    gallery_free(&g);
    memset(&err, 0, sizeof err);
    gallery_init(&g, &(struct gallery_options){.rows = 3});
    gallery_header(&g, header, "x", &err);
    g.kept = SHEET_PIXELS - 1;
    OK(give(&g, header, 0, 0, 1, 1, 0, 1, &err) < 0 && err.status == ERR_FAILED && g.cells == 2,
        "more pixels than a sheet may have");
    memset(&err, 0, sizeof err);
    OK(gallery_header(&g, images, "x", &err) < 0 && strstr(err.text, "images and views") != NULL,
        "views and images");
    memset(&err, 0, sizeof err);
    header_set_kind(features, "features", &err);
    OK(gallery_header(&g, features, "x", &err) < 0 && strstr(err.text, "has features") != NULL,
        "features");
    gallery_free(&g);
    header_free(header);
    header_free(images);
    header_free(features);
}

static void check_encoded(void)
{
    static const char pnm[] = "P5 4 2 255 abcdefgh";
    struct header *const header = new_header(false, 0);
    char bytes[100], names[900];
    int64_t id[3] = {5, 6, 7}, label[3] = {0};
    int64_t offsets[4] = {0, sizeof pnm - 1, 2 * (sizeof pnm - 1), 2 * (sizeof pnm - 1) + 5};
    int64_t name_offsets[4] = {0, 700, 700, 702};
    struct field field[4] = {
        {.data = id}, {.data = label}, {bytes, offsets, {0}}, {names, name_offsets, {0}}};
    const struct record record = {0, 0, 0, 1, 3, field, 4, NULL, 0, 0};
    struct gallery g;
    struct err err = {0};
    memcpy(bytes, pnm, sizeof pnm - 1);
    memcpy(bytes + sizeof pnm - 1, pnm, sizeof pnm - 1);
    memcpy(bytes + 2 * (sizeof pnm - 1), "words", 5);
    memset(names, 'x', 700);
    memcpy(names + 700, "n\0", 2);
    gallery_init(&g, &(struct gallery_options){
                         .rows = 1, .columns = 4, .cell = 2, .names = true, .notice = notice});
    OK(gallery_header(&g, header, "x", &err) == 0 && g.encoded, "images");
    OK(gallery_record(&g, header, &record, &err) == 1 && g.cells == 3, "three of four %s",
        err.text);
    OK(g.cell[0].picture.height == 1 && g.cell[0].picture.width == 2, "made small at once");
    OK(g.cell[2].picture.pixels == NULL && strncmp(told, "picture 'n?': not a picture", 25) == 0,
        "one cannot be decoded: %s", told);
    OK(strlen(g.cell[0].caption[0]) == 500 && strcmp(g.cell[1].caption[0], "6") == 0,
        "of a long name the end, for no name the id");
    OK(gallery_record(&g, header, &record, &err) == 0 && g.cells == 4, "enough");
    gallery_finish(&g);
    OK(g.cell[3].row == 0 && g.cell[3].column == 3, "side by side");
    gallery_free(&g);
    header_free(header);
}

int main(void)
{
    check_parts();
    check_steps();
    check_refused();
    check_encoded();
    return tap_done();
}
