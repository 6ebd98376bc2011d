/* turn -- the eight orientations of one little picture, and rectangles in it.
 * SPDX-License-Identifier: MIT */
#include "formats/turn.h"

#include "tests/unit/tap.h"

#include <string.h>

/* What is stored, and what Exif says it means: where the stored first row and first column are. */
static const char stored[] = "abcdef"
                             "ghijkl";
static const struct {
    int height, width;
    const char *pixels;
} upright[8] = {
    {2, 6, "abcdefghijkl"}, /* row top, column left */
    {2, 6, "fedcbalkjihg"}, /* row top, column right */
    {2, 6, "lkjihgfedcba"}, /* row bottom, column right */
    {2, 6, "ghijklabcdef"}, /* row bottom, column left */
    {6, 2, "agbhcidjekfl"}, /* row left, column top */
    {6, 2, "gahbicjdkelf"}, /* row right, column top */
    {6, 2, "lfkejdichbga"}, /* row right, column bottom */
    {6, 2, "flekdjcibhag"}, /* row left, column bottom */
};

/* Turn a rectangle of the upright picture, a row at a time; each stored byte is `channels` samples. */
static int check(int orientation, const struct picture_region *rect, int channels)
{
    const struct turn turn = turn_of(orientation);
    const int width = upright[orientation - 1].width;
    unsigned char wide[3 * 12], pixels[3 * 12];
    struct picture_region r = *rect;
    struct picture out = {.height = r.h, .width = r.w, .channels = channels, .pixels = pixels};
    for (int i = 0; i < 12 * channels; i++)
        wide[i] = (unsigned char)(stored[i / channels] + i % channels);
    turn_stored(&r, turn, 2, 6);
    if (r.x < 0 || r.y < 0 || r.x + r.w > 6 || r.y + r.h > 2)
        return 0;
    for (int y = 0; y < r.h; y++) {
        unsigned char *row = wide + ((r.y + y) * 6 + r.x) * channels;
        turn_rows(&out, &r, turn, y, 1, &row);
    }
    for (int y = 0; y < out.height; y++)
        for (int x = 0; x < out.width; x++)
            for (int c = 0; c < channels; c++)
                if (pixels[(y * out.width + x) * channels + c] !=
                    upright[orientation - 1].pixels[(rect->y + y) * width + rect->x + x] + c)
                    return 0;
    return 1;
}

int main(void)
{
    for (int orientation = 1; orientation <= 8; orientation++) {
        const int height = upright[orientation - 1].height, width = upright[orientation - 1].width;
        int good = 1;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int h = 1; h <= height - y; h++)
                    for (int w = 1; w <= width - x; w++)
                        for (int channels = 1; channels <= 3; channels += 2)
                            good &= check(
                                orientation, &(struct picture_region){x, y, w, h, 1}, channels);
        OK(good, "orientation %d: every rectangle", orientation);
    }
    const struct turn none = turn_of(1);
    OK(!none.swap && !none.mirror_x && !none.mirror_y, "1 is as it is stored");
    OK(turn_of(0).swap == 0 && turn_of(9).swap == 0, "what means nothing is 1");

    /* Two rows at once, swapped. */
    unsigned char pixels[12], copy[12];
    memcpy(copy, stored, 12);
    struct picture out = {.height = 6, .width = 2, .channels = 1, .pixels = pixels};
    unsigned char *const rows[2] = {copy, copy + 6};
    turn_rows(&out, &(struct picture_region){0, 0, 6, 2, 1}, turn_of(6), 0, 2, rows);
    OK(memcmp(pixels, upright[5].pixels, 12) == 0, "rows together");
    return tap_done();
}
