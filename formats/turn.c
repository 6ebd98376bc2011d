/* turn -- stored rows into upright pictures.
 * SPDX-License-Identifier: MIT */
#include "formats/turn.h"

#include <string.h>

struct turn turn_of(int orientation)
{
    static const struct turn turns[8] = {
        {false, false, false},
        {true, false, false},
        {true, true, false},
        {false, true, false},
        {false, false, true},
        {false, true, true},
        {true, true, true},
        {true, false, true},
    };
    return turns[orientation >= 1 && orientation <= 8 ? orientation - 1 : 0];
}

/* Exchange x with y and w with h if the turn does. */
static void exchange(struct picture_region *rect, struct turn turn)
{
    if (turn.swap)
        *rect = (struct picture_region){rect->y, rect->x, rect->h, rect->w, rect->reduce};
}

void turn_stored(struct picture_region *rect, struct turn turn, int height, int width)
{
    exchange(rect, turn);
    if (turn.mirror_x)
        rect->x = width - rect->x - rect->w;
    if (turn.mirror_y)
        rect->y = height - rect->y - rect->h;
}

void turn_rows(struct picture *out, const struct picture_region *stored, struct turn turn, int y,
    int rows, unsigned char *const *row)
{
    const ptrdiff_t pixel = out->channels, line = (ptrdiff_t)out->width * pixel;
    /* Where a step to the right, and one down, in the stored rectangle lead. */
    ptrdiff_t right = turn.swap ? line : pixel, down = turn.swap ? pixel : line;
    unsigned char *to = out->pixels;
    if (turn.mirror_x) {
        to += (stored->w - 1) * right;
        right = -right;
    }
    if (turn.mirror_y) {
        to += (stored->h - 1) * down;
        down = -down;
    }
    to += y * down;
    if (!turn.swap && !turn.mirror_x) {
        for (int i = 0; i < rows; i++)
            memcpy(to + i * down, row[i], (size_t)line);
        return;
    }
    /* Columns outside: when rows and columns are swapped, a line of the result is filled piece by
     * piece, and the pieces are as long as there are rows. */
    for (int x = 0; x < stored->w; x++)
        for (int i = 0; i < rows; i++)
            for (int c = 0; c < pixel; c++)
                to[x * right + i * down + c] = row[i][x * pixel + c];
}
