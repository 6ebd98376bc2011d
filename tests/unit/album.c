/* album -- thumbnails by id, of pixels and of files; names that must agree.
 * SPDX-License-Identifier: MIT */
#include "lib/image/album.h"

#include "tests/unit/file.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 4 };

static int64_t told;
static char why[600];

static void notice(int64_t id, const char *reason)
{
    told = id;
    snprintf(why, sizeof why, "%s", reason);
}

/* Rows with ids 10, 11, 10, 12 and names a, b, c, empty. */
static struct header *new_header(const char *column, int rank, const int *shape, bool names)
{
    struct err err = {0};
    struct header *const out = header_new("images", &err);
    header_add(out, "id", DTYPE_I64, 0, NULL, &err);
    header_add(out, column, DTYPE_U8, rank, shape, &err);
    if (names)
        header_add(out, "name", DTYPE_U8, -1, NULL, &err);
    return out;
}

static int give(
    struct album *album, const struct header *header, struct field picture, struct err *err)
{
    static int64_t id[ROWS] = {10, 11, 10, 12}, ends[ROWS + 1] = {0, 1, 2, 3, 3};
    static char names[] = "abc";
    struct field field[3] = {{.data = id}, picture, {.data = names, .offsets = ends}};
    const struct record record = {.parts = 1, .rows = ROWS, .field = field, .fields = 3};
    return album_record(album, header, &record, "x", err);
}

static void release(struct picture *thumb, int n)
{
    for (int i = 0; i < n; i++)
        picture_free(&thumb[i]);
}

static void test_pixels(void)
{
    static unsigned char pixels[ROWS * 60 * 30 * 3];
    static const int shape[] = {60, 30, 3};
    struct err err = {0};
    struct picture thumb[4] = {{0}};
    struct album_wish wish[] = {
        {10, 0, "a", 1}, {12, 1, "anything", 8}, {10, 2, "a", 1}, {99, 3, NULL, 0}};
    struct album album = {.wish = wish, .wishes = 4, .thumb = thumb, .cell = 20};
    struct header *const header = new_header("pixels", 3, shape, true);
    for (int i = 0; i < ROWS; i++)
        memset(pixels + i * 5400, 10 * i, 5400);
    album_begin(&album);
    OK(album_header(&album, header, "x", &err) == 0 &&
            give(&album, header, (struct field){.data = pixels}, &err) == 1,
        "one is still wanted %s", err.text);
    OK(album.left == 1 && thumb[3].pixels == NULL, "that which is not there");
    OK(thumb[0].height == 20 && thumb[0].width == 10 && thumb[0].pixels[0] == 0,
        "the first of an id, made smaller");
    OK(thumb[1].pixels[0] == 30 && thumb[2].pixels[599] == 0 && thumb[2].pixels != thumb[0].pixels,
        "others, and a copy for the same id; an empty name is no name");
    release(thumb, 4);

    struct album_wish wrong[] = {{11, 0, "other", 5}};
    album = (struct album){.wish = wrong, .wishes = 1, .thumb = thumb, .cell = 100};
    album_begin(&album);
    album_header(&album, header, "x", &err);
    OK(give(&album, header, (struct field){.data = pixels}, &err) < 0 && err.status == ERR_INPUT &&
            strcmp(err.text, "id 11 is 'b' in 'x', but 'other' among the features") == 0,
        "%s", err.text);
    err = (struct err){0};
    wrong[0].name = NULL;
    album_begin(&album);
    OK(give(&album, header, (struct field){.data = pixels}, &err) == 0 && thumb[0].height == 60,
        "names on one side are no matter; small pictures stay; enough");
    release(thumb, 1);
    header_free(header);
}

static void test_files(void)
{
    struct err err = {0};
    struct bytes file = load("tests/golden/jpeg_colour.jpg");
    const int64_t size = (int64_t)file.size;
    int64_t ends[ROWS + 1] = {0, size, 2 * size, 3 * size, 3 * size + 20};
    unsigned char *const all = malloc((size_t)size * 4);
    for (int i = 0; i < ROWS; i++)
        memcpy(all + i * size, file.data, file.size);
    struct picture thumb[2] = {{0}};
    struct album_wish wish[] = {{12, 0, NULL, 0}, {11, 1, NULL, 0}};
    struct album album = {.wish = wish, .wishes = 2, .thumb = thumb, .cell = 10, .notice = notice};
    struct header *const header = new_header("bytes", -1, NULL, false);
    album_begin(&album);
    OK(album_header(&album, header, "x", &err) == 0 &&
            give(&album, header, (struct field){.data = all, .offsets = ends}, &err) == 1,
        "files %s", err.text);
    OK(thumb[0].pixels == NULL && told == 12 && strstr(why, "JPEG") != NULL, "%s", why);
    OK(thumb[1].pixels != NULL && thumb[1].width <= 10 && thumb[1].height <= 10 &&
            (thumb[1].width == 10 || thumb[1].height == 10),
        "one that is whole, of %d x %d", thumb[1].width, thumb[1].height);
    release(thumb, 2);
    bytes_free(&file);
    free(all);
    header_free(header);
}

static void test_refused(void)
{
    static const int flat[] = {7}, two[] = {4, 4, 2};
    static unsigned char pixels[ROWS * 32];
    struct picture thumb[1] = {{0}};
    struct album_wish wish[] = {{11, 0, NULL, 0}};
    struct album album = {.wish = wish, .wishes = 1, .thumb = thumb, .cell = 10, .notice = notice};
    struct err err = {0};
    struct header *header = new_header("h", 1, flat, false);
    OK(album_header(&album, header, "x", &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    header_free(header);
    header = new_header("pixels", 1, flat, false);
    err = (struct err){0};
    OK(album_header(&album, header, "x", &err) < 0 && err.status == ERR_INPUT, "%s", err.text);
    header_free(header);
    header = new_header("pixels", 3, two, false);
    err = (struct err){0};
    album_begin(&album);
    OK(album_header(&album, header, "x", &err) == 0 &&
            give(&album, header, (struct field){.data = pixels}, &err) == 1 && told == 11 &&
            strstr(why, "[4,4,2]") != NULL,
        "%s", why);
    header_free(header);
}

int main(void)
{
    test_pixels();
    test_files();
    test_refused();
    return tap_done();
}
