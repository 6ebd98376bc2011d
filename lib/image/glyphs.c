/* glyphs -- a small font: the table is the drawing.
 * SPDX-License-Identifier: MIT */
#include "lib/image/glyphs.h"

#include <stdbool.h>
#include <string.h>

enum {
    WIDTH = 5, /* of a glyph at most */
    SPACE = 3, /* of the character between words */
    BAND = 12, /* glyphs side by side in the table */
    FIRST = 32,
    BOX = 127 /* stands for what the font lacks */
};

/* clang-format off */
static const char *const art[] = {
    /* space ! " # $ % & ' ( ) * + */
    "      #     # #           #   ##  #  ##   #       #   #                ",
    "      #     # #    # #   #### ##  # #  #  #      #     #      #        ",
    "      #     # #   ##### # #      #  # #   #     #       #   # # #   #  ",
    "      #            # #   ###    #    #          #       #    ###    #  ",
    "      #            # #    # #  #    # # #       #       #   # # # #####",
    "                  ##### ####  #  ## #  #        #       #     #     #  ",
    "      #            # #    #   #  ##  ## #       #       #           #  ",
    "                                                 #     #               ",
    "                                                  #   #                ",
    /* , - . / 0 1 2 3 4 5 6 7 */
    "                      #  ###   #     ###   ###     #  #####   ##  #####",
    "                      # #   # ##    #   # #   #   ##  #      #        #",
    "                     #  #  ##  #        #     #  # #  ####  #        # ",
    "                    #   # # #  #       #    ##  #  #      # ####    #  ",
    "      ####         #    ##  #  #      #       # #####     # #   #   #  ",
    " #          ##    #     #   #  #     #    #   #    #  #   # #   #  #   ",
    " #          ##    #      ###  ###   #####  ###     #   ###   ###   #   ",
    "#                                                                      ",
    "                                                                       ",
    /* 8 9 : ; < = > ? @ A B C */
    " ###   ###                 #        #      ###   ###   ###  ####   ### ",
    "#   # #   #               #          #    #   # #   # #   # #   # #   #",
    "#   # #   # ##     #     #            #       # # ### #   # #   # #    ",
    " ###   #### ##     #    #     ####     #     #  # # # ##### ####  #    ",
    "#   #     #              #            #     #   # ### #   # #   # #    ",
    "#   #    #  ##     #      #   ####   #          #     #   # #   # #   #",
    " ###   ##   ##     #       #        #       #    #### #   # ####   ### ",
    "                  #                                                    ",
    "                                                                       ",
    /* D E F G H I J K L M N O */
    "####  ##### #####  ###  #   # ###     ### #   # #     #   # #   #  ### ",
    "#   # #     #     #   # #   #  #       #  #  #  #     ## ## #   # #   #",
    "#   # #     #     #     #   #  #       #  # #   #     # # # ##  # #   #",
    "#   # ####  ####  # ### #####  #       #  ##    #     # # # # # # #   #",
    "#   # #     #     #   # #   #  #       #  # #   #     #   # #  ## #   #",
    "#   # #     #     #   # #   #  #    #  #  #  #  #     #   # #   # #   #",
    "####  ##### #      #### #   # ###    ##   #   # ##### #   # #   #  ### ",
    "                                                                       ",
    "                                                                       ",
    /* P Q R S T U V W X Y Z [ */
    "####   ###  ####   #### ##### #   # #   # #   # #   # #   # ##### ###  ",
    "#   # #   # #   # #       #   #   # #   # #   # #   # #   #     # #    ",
    "#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #  #    ",
    "####  #   # ####   ###    #   #   # #   # # # #   #     #     #   #    ",
    "#     # # # # #       #   #   #   #  # #  # # #  # #    #    #    #    ",
    "#     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #     #    ",
    "#      ## # #   # ####    #    ###    #   #   # #   #   #   ##### #    ",
    "                                                                  #    ",
    "                                                                  ###  ",
    /* \ ] ^ _ ` a b c d e f g */
    "#     ###     #         #           #               #         ##       ",
    "#       #    # #         #          #               #        #         ",
    " #      #   #   #              ###  ####   ####  ####  ###  ####   ####",
    "  #     #                         # #   # #     #   # #   #  #    #   #",
    "   #    #                      #### #   # #     #   # #####  #    #   #",
    "    #   #                     #   # #   # #     #   # #      #    #   #",
    "    #   #                      #### ####   ####  ####  ###   #     ####",
    "        #                                                             #",
    "      ###         #####                                            ### ",
    /* h i j k l m n o p q r s */
    "#     #       #   #     #                                              ",
    "#                 #     #                                              ",
    "####  #       #   #  #  #     ####  ####   ###  ####   #### # ##   ####",
    "#   # #       #   # #   #     # # # #   # #   # #   # #   # ##    #    ",
    "#   # #       #   ##    #     # # # #   # #   # #   # #   # #      ### ",
    "#   # #       #   # #   #     # # # #   # #   # #   # #   # #         #",
    "#   # #       #   #  #   #    # # # #   #  ###  ####   #### #     #### ",
    "              #                                 #         #            ",
    "            ##                                  #         #            ",
    /* t u v w x y z { | } ~ box */
    " #                                          #   #     #           #####",
    " #                                         #    #      #          #   #",
    "####  #   # #   # #   # #   # #   # #####  #    #      #          #   #",
    " #    #   # #   # # # #  # #  #   #    #   #    #      #     #  # #   #",
    " #    #   # #   # # # #   #   #   #   #   #     #       #   # # # #   #",
    " #    #   #  # #  # # #  # #  #   #  #     #    #      #    #  #  #   #",
    "  ##   ####   #    # #  #   #  #### #####  #    #      #          #####",
    "                                  #        #    #      #               ",
    "                               ###          #   #     #                ",
};
/* clang-format on */

/* Row of a glyph: WIDTH characters, '#' is ink. */
static const char *row_of(int glyph, int row)
{
    const int at = glyph - FIRST;
    return art[at / BAND * GLYPHS_HEIGHT + row] + at % BAND * (WIDTH + 1);
}

static int width_of(int glyph)
{
    int width = glyph == ' ' ? SPACE : 1;
    for (int row = 0; row < GLYPHS_HEIGHT; row++)
        for (int i = width; i < WIDTH; i++)
            if (row_of(glyph, row)[i] == '#')
                width = i + 1;
    return width;
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* U+0300 .. U+036F, which stand for marks on the letter before. */
static bool is_mark(const char *text)
{
    const unsigned char first = (unsigned char)text[0];
    return (first == 0xcc && continues(text[1])) ||
           (first == 0xcd && continues(text[1]) && (unsigned char)text[1] < 0xb0);
}

/* Bytes of the character that begins here: the ones that only continue it go along, and marks. */
static size_t length_of(const char *text)
{
    size_t length = 1;
    while (continues(text[length]) || is_mark(text + length))
        length++;
    return length;
}

/* U+00C0 .. U+017F without their marks; '?' for what is no such letter. */
static const char letters[] = "AAAAAA?CEEEEIIII?NOOOOO?OUUUUY?saaaaaa?ceeeeiiii?nooooo?ouuuuy?y"
                              "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKkkLlLlLlL"
                              "lLlNnNnNnnNnOoOoOo??RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static int glyph_of(const char *text)
{
    const unsigned char first = (unsigned char)text[0];
    int glyph = first;
    if (first >= 0xc3 && first <= 0xc5 && continues(text[1])) {
        const int letter = letters[(first - 0xc3) * 64 + (text[1] & 0x3f)];
        glyph = letter == '?' ? BOX : letter;
    }
    return glyph >= FIRST && glyph < BOX ? glyph : BOX;
}

int glyphs_width(const char *text)
{
    long width = 0;
    for (; *text != '\0' && width < 1 << 30; text += length_of(text))
        width += width_of(glyph_of(text)) + 1;
    return width > 0 ? (int)width - 1 : 0;
}

/* Where the character before `at` begins, not before `low`. */
static size_t back_from(const char *text, size_t low, size_t at)
{
    at--;
    while (at > low && (continues(text[at]) || is_mark(text + at)))
        at--;
    return at;
}

void glyphs_fit(char *out, size_t size, const char *text, int width)
{
    const size_t length = strlen(text);
    if (length < size && glyphs_width(text) <= width) {
        memcpy(out, text, length + 1);
        return;
    }
    int left = width - glyphs_width("...");
    size_t front = 0, back = length; /* what stays: [0,front) and [back,length) */
    if (left < 0 || size < 4) {
        out[0] = '\0';
        return;
    }
    for (bool tail = true; front < back; tail = !tail) { /* by turns; the end says more */
        const size_t at = tail ? back_from(text, front, back) : front;
        const size_t bytes = tail ? back - at : length_of(text + at);
        left -= width_of(glyph_of(text + at)) + 1;
        if (left < 0 || front + 3 + (length - back) + bytes >= size)
            break;
        if (tail)
            back = at;
        else
            front += bytes;
    }
    memcpy(out, text, front);
    memcpy(out + front, "...", 3);
    memcpy(out + front + 3, text + back, length - back + 1);
}

void glyphs_draw(
    struct picture *out, int x, int y, const char *text, int scale, const unsigned char color[3])
{
    for (; *text != '\0' && x < out->width; text += length_of(text)) {
        const int glyph = glyph_of(text);
        for (int j = 0; j < GLYPHS_HEIGHT * scale; j++)
            for (int i = 0; i < WIDTH * scale; i++)
                if (row_of(glyph, j / scale)[i / scale] == '#' && x + i >= 0 &&
                    x + i < out->width && y + j >= 0 && y + j < out->height)
                    memcpy(out->pixels + ((size_t)(y + j) * out->width + x + i) * 3, color, 3);
        x += (width_of(glyph) + 1) * scale;
    }
}
