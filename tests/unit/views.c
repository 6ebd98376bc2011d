/* views -- records in, records out: columns, order, what cannot be read, and any number of threads.
 * SPDX-License-Identifier: MIT */
#include "lib/image/views.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 21, SIDE = 9, SIZE = 12, PICTURE = SIDE * SIDE * 3, VIEW = SIZE * SIZE * 3 };

static unsigned char pixels[ROWS][PICTURE];
static int64_t id[ROWS];
static float extra[ROWS][2];

static struct views_options options = {.views = 2, .seed = 4, .rules = {.max_pixels = 1000}};

static void fill(void)
{
    for (int i = 0; i < ROWS; i++) {
        id[i] = 100 + i;
        extra[i][0] = (float)i;
        for (int j = 0; j < PICTURE; j++)
            pixels[i][j] = (unsigned char)(i * 11 + j * 7 % 101);
    }
}

static struct header *make_header(const char *kind, const char *column)
{
    struct err err = {0};
    const int shape[] = {SIDE, SIDE, 3}, pair[] = {2};
    struct header *const header = header_new(kind, &err);
    header_add(header, "extra", DTYPE_F32, 1, pair, &err);
    if (strcmp(column, "bytes") == 0)
        header_add(header, column, DTYPE_U8, -1, NULL, &err);
    else
        header_add(header, column, DTYPE_U8, 3, shape, &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    return header;
}

/* ---- fixed pictures ------------------------------------------------------------------------- */

static void test_record(struct parallel *parallel, const struct record *wanted)
{
    struct err err = {0};
    struct header *const header = make_header("images", "pixels");
    struct field field[] = {{.data = extra}, {.data = pixels}, {.data = id}};
    const struct record record = {.step = 5, .epoch = 1, .parts = 1, .rows = ROWS, .field = field};
    struct views *const views = views_new(header, &options, parallel, "test", &err);
    struct views_made *const result = views_made_new(views, &err);
    OK(views_make(views, result, &record, &err) == 1, "a step becomes one record%s", err.text);
    const struct record *const made = views_record(result, 0, &err);
    const struct header *const out = views_header(views);
    const int at = header_find(out, "pixels");
    OK(memcmp(made->field[at].data, wanted->field[0].data, 2 * ROWS * VIEW) == 0,
        "%d threads: the views made one by one", parallel_threads(parallel));
    const int64_t *const view = made->field[header_find(out, "view")].data;
    const int64_t *const ids = made->field[header_find(out, "id")].data;
    const float *const more = made->field[header_find(out, "extra")].data;
    bool order = made->rows == 2 * ROWS && made->step == 5 && made->epoch == 1;
    for (int i = 0; order && i < 2 * ROWS; i++)
        order &= view[i] == i / ROWS && ids[i] == id[i % ROWS] && more[2 * i] == (float)(i % ROWS);
    OK(order, "view 0 of all rows, then view 1; other columns go along");
    OK(strcmp(out->kind, "views") == 0 && out->columns == 4, "the header says so");
    views_made_free(result);
    views_free(views);
    header_free(header);
}

/* Each view by itself, through augment.h alone. */
static unsigned char *make_wanted(void)
{
    struct arena arena = {0};
    struct err err = {0};
    struct augment_scratch scratch;
    unsigned char *const out = malloc(2 * ROWS * VIEW);
    augment_layout(&scratch, &arena, SIZE);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    augment_layout(&scratch, &arena, SIZE);
    for (int i = 0; i < 2 * ROWS; i++) {
        const struct augment_draw draw =
            augment_draw(&options.recipe, 4, 1, id[i % ROWS], i / ROWS, SIDE, SIDE);
        const struct picture p = {SIDE, SIDE, 3, pixels[i % ROWS], 0, 0, 1};
        augment_view(out + (size_t)i * VIEW, &options.recipe, &draw, &p, &scratch);
    }
    arena_free(&arena);
    return out;
}

/* ---- two sizes ------------------------------------------------------------------------------ */

/* Every view of every row, in records of their own size, against augment.h alone. */
static void test_two_sizes(struct parallel *parallel, int size, int limit)
{
    struct err err = {0};
    struct arena arena = {0};
    struct augment_scratch scratch;
    struct header *const header = make_header("images", "pixels");
    struct field field[] = {{.data = extra}, {.data = pixels}, {.data = id}};
    const struct record record = {.step = 5, .epoch = 1, .parts = 1, .rows = ROWS, .field = field};
    struct views_options two = options;
    two.part = limit;
    two.more = 3;
    two.small = augment_recipe(size);
    two.small.range.area_max = 0.3;
    augment_layout(&scratch, &arena, size > SIZE ? size : SIZE);
    if (arena_alloc(&arena, "scratch", &err) < 0)
        exit(1);
    augment_layout(&scratch, &arena, size > SIZE ? size : SIZE);
    unsigned char *const wanted = malloc((size_t)3 * SIZE * SIZE * 16);

    struct views *const views = views_new(header, &two, parallel, "test", &err);
    struct views_made *const made = views_made_new(views, &err);
    const int records = views_make(views, made, &record, &err);
    const struct header *const out = views_header(views);
    bool good = true;
    int rows = 0;
    for (int i = 0; i < records; i++) {
        const struct record *const r = views_record(made, i, &err);
        const struct field *const f = &r->field[header_find(out, "pixels")];
        const int64_t *const view = r->field[header_find(out, "view")].data;
        const int64_t *const ids = r->field[header_find(out, "id")].data;
        good &= r->part == i && r->parts == records;
        for (int j = 0; j < r->rows; j++, rows++) {
            const struct augment *const recipe = view[j] < 2 ? &two.recipe : &two.small;
            const size_t bytes = (size_t)3 * recipe->size * recipe->size;
            const struct augment_draw draw =
                augment_draw(recipe, 4, 1, ids[j], view[j], SIDE, SIDE);
            const struct picture p = {SIDE, SIDE, 3, pixels[ids[j] - 100], 0, 0, 1};
            augment_view(wanted, recipe, &draw, &p, &scratch);
            good &= f->shape[0] == recipe->size && f->shape[1] == recipe->size &&
                    memcmp(wanted, (const unsigned char *)f->data + j * bytes, bytes) == 0;
        }
    }
    OK(good && rows == 5 * ROWS, "two sizes, %d and %d: each of %d rows is its view", SIZE, size,
        rows);
    OK(records == (limit > 0 ? 5 * ((ROWS + limit - 1) / limit) : 2), "in %d records", records);
    OK(out->sizes == 2 && out->size[0][0] == SIZE && out->size[1][1] == size,
        "the header says the sizes");
    views_made_free(made);
    views_free(views);
    header_free(header);
    arena_free(&arena);
    free(wanted);
}

/* ---- encoded pictures, some of which are none ------------------------------------------------ */

/* Row i is a PNM file of the same pixels, but rows 0, 7 and the last are rubbish or too large. */
static size_t encode(unsigned char *bytes, int64_t *offsets)
{
    size_t used = 0;
    for (int i = 0; i < ROWS; i++) {
        offsets[i] = (int64_t)used;
        if (i == 0 || i == 7) {
            used += (size_t)sprintf((char *)bytes + used, "rubbish");
        } else if (i == ROWS - 1) {
            used += (size_t)sprintf((char *)bytes + used, "P6 40 40 255\n");
            memset(bytes + used, 50, 4800);
            used += 4800;
        } else {
            used += (size_t)sprintf((char *)bytes + used, "P6 %d %d 255\n", SIDE, SIDE);
            memcpy(bytes + used, pixels[i], PICTURE);
            used += PICTURE;
        }
    }
    offsets[ROWS] = (int64_t)used;
    return used;
}

static void test_unreadable(struct parallel *parallel, const unsigned char *wanted)
{
    static unsigned char bytes[ROWS * 5000];
    static int64_t offsets[ROWS + 1];
    struct err err = {0};
    struct header *const header = make_header("images", "bytes");
    encode(bytes, offsets);
    struct field field[] = {{.data = extra}, {.data = bytes, .offsets = offsets}, {.data = id}};
    const struct record record = {.epoch = 1, .parts = 1, .rows = ROWS, .field = field};
    struct views *const views = views_new(header, &options, parallel, "test", &err);
    struct views_made *const result = views_made_new(views, &err);
    OK(views_make(views, result, &record, &err) == 1, "pictures are left out%s", err.text);
    const struct record *const made = views_record(result, 0, &err);
    const struct header *const out = views_header(views);
    const unsigned char *const got = made->field[header_find(out, "pixels")].data;
    const int64_t *const ids = made->field[header_find(out, "id")].data;
    OK(made->rows == 2 * (ROWS - 3), "three of them");
    bool good = true;
    for (int i = 0; i < made->rows; i++) {
        const int row = (int)ids[i] - 100, view = i / (ROWS - 3);
        good &=
            row != 0 && row != 7 && row != ROWS - 1 &&
            memcmp(got + (size_t)i * VIEW, wanted + (size_t)(view * ROWS + row) * VIEW, VIEW) == 0;
    }
    OK(good, "the others have the views that they have among fixed pictures");
    OK(views_reason(result, 0) != NULL && views_reason(result, 7) != NULL &&
            views_reason(result, ROWS - 1) != NULL && views_reason(result, 1) == NULL,
        "and reasons: %s; %s", views_reason(result, 0)->text, views_reason(result, ROWS - 1)->text);

    const struct record none = {.epoch = 1, .parts = 1, .rows = 1, .field = field};
    OK(views_make(views, result, &none, &err) == 0, "a step without pictures becomes nothing");
    views_made_free(result);
    views_free(views);
    header_free(header);
}

/* ---- decoding in part ------------------------------------------------------------------------ */

enum { PHOTOS = 6, FILE_MAX = 40000, SMALL = 4 };

/* The views of one JPEG file as several pictures, decoded in part or whole: [V][PHOTOS][size][size][3]. */
static unsigned char *make_photos(const char *file, int size, bool central, bool whole)
{
    static unsigned char bytes[PHOTOS * FILE_MAX];
    struct err err = {0};
    int64_t offsets[PHOTOS + 1] = {0};
    FILE *const in = fopen(file, "rb");
    const size_t length = in == NULL ? 0 : fread(bytes, 1, FILE_MAX, in);
    if (in != NULL)
        fclose(in);
    for (int i = 0; i < PHOTOS; i++) {
        memcpy(bytes + (size_t)i * length, bytes, length);
        offsets[i + 1] = (int64_t)((size_t)(i + 1) * length);
    }
    struct views_options o = {.recipe = augment_recipe(size),
        .views = 2,
        .whole = whole,
        .rules = {.max_pixels = 1000 * 1000}};
    o.recipe.central = central;
    struct header *const header = make_header("images", "bytes");
    struct field field[] = {{.data = extra}, {.data = bytes, .offsets = offsets}, {.data = id}};
    const struct record record = {.parts = 1, .rows = PHOTOS, .field = field};
    struct views *const views = views_new(header, &o, NULL, "test", &err);
    struct views_made *const result = views == NULL ? NULL : views_made_new(views, &err);
    if (length == 0 || result == NULL || views_make(views, result, &record, &err) != 1)
        exit(1);
    const struct record *const made = views_record(result, 0, &err);
    const size_t wanted = (size_t)2 * PHOTOS * size * size * 3;
    unsigned char *const out = malloc(wanted);
    memcpy(out, made->field[header_find(views_header(views), "pixels")].data, wanted);
    views_made_free(result);
    views_free(views);
    header_free(header);
    return out;
}

/* Where no crop is twice as large as its view, the same bytes; elsewhere nearly the same views. */
static void test_in_part(const char *file, int size, bool central, double bound)
{
    unsigned char *const part = make_photos(file, size, central, false);
    unsigned char *const whole = make_photos(file, size, central, true);
    const int n = 2 * PHOTOS * size * size * 3;
    double mean = 0;
    for (int i = 0; i < n; i++)
        mean += abs(part[i] - whole[i]) / (double)n;
    OK(mean <= bound, "%s at %d%s: decoded in part, views differ by %.2f of 255", file, size,
        central ? ", central" : "", mean);
    free(part);
    free(whole);
}

/* ---- refused -------------------------------------------------------------------------------- */

static void refuse(struct header *header, const char *what)
{
    struct err err = {0};
    struct views *const views = views_new(header, &options, NULL, "test", &err);
    OK(views == NULL && err.status == ERR_INPUT, "%s: %s", what, err.text);
    views_free(views);
    header_free(header);
}

static void test_refused(void)
{
    struct err err = {0};
    const int four[] = {4, 4, 4}, odd[] = {2, 3, 1};
    refuse(make_header("features", "pixels"), "no images");
    refuse(make_header("images", "other"), "no column of pictures");
    struct header *header = make_header("images", "pixels");
    header_drop(header, "id");
    refuse(header, "no id");
    header = header_new("images", &err);
    header_add(header, "id", DTYPE_I64, 0, NULL, &err);
    header_add(header, "pixels", DTYPE_U8, 3, four, &err);
    refuse(header, "four channels");
    header = make_header("images", "pixels");
    OK(views_size(header) == SIDE, "square pictures of one size have a size");
    header_drop(header, "pixels");
    OK(views_size(header) == 0, "others have none");
    err = (struct err){0};
    header_add(header, "pixels", DTYPE_U8, 3, odd, &err);
    OK(views_size(header) == 0, "nor have those that are not square");
    header_free(header);
}

int main(void)
{
    struct err err = {0};
    options.recipe = augment_recipe(SIZE);
    fill();
    unsigned char *const wanted = make_wanted();
    const struct record expect = {.field = &(struct field){.data = wanted}};
    for (int threads = 1; threads <= 3; threads++) {
        struct parallel *const parallel = parallel_new(threads, &err);
        test_record(parallel, &expect);
        test_unreadable(parallel, wanted);
        test_two_sizes(parallel, 5, 0);
        test_two_sizes(parallel, 23, 0);
        test_two_sizes(parallel, 5, 4);
        parallel_free(parallel);
    }
    test_in_part("tests/golden/jpeg_colour.jpg", 64, false, 0);
    test_in_part("tests/golden/jpeg_colour.jpg", 64, true, 0);
    test_in_part("tests/golden/jpeg_colour.jpg", SMALL, false, 4);
    test_in_part("tests/golden/jpeg_progressive.jpg", SMALL, true, 8);
    test_in_part("tests/golden/jpeg_grey.jpg", SMALL, false, 4);
    test_refused();
    free(wanted);
    return tap_done();
}
