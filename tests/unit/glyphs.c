/* glyphs -- a font of distinct letters, and text that fits.
 * SPDX-License-Identifier: MIT */
#include "lib/image/glyphs.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 12 };

static const unsigned char black[3] = {0, 0, 0};

/* Draw one character on white. */
static void draw(unsigned char *pixels, const char *text, int x, int y, int scale)
{
    struct picture out = {SIDE, SIDE, 3, pixels, 0, 0, 1};
    memset(pixels, 255, SIDE * SIDE * 3);
    glyphs_draw(&out, x, y, text, scale, black);
}

/* Columns with ink: first and last; false when there is none. */
static int ink(const unsigned char *pixels, int *first, int *last)
{
    *first = SIDE;
    *last = -1;
    for (int i = 0; i < SIDE * SIDE; i++)
        if (pixels[3 * i] == 0) {
            *first = i % SIDE < *first ? i % SIDE : *first;
            *last = i % SIDE > *last ? i % SIDE : *last;
        }
    return *last >= 0;
}

static void check_letters(void)
{
    static unsigned char all[96][SIDE * SIDE * 3];
    int same = 0, wrong = 0, first, last;
    for (int c = 32; c < 127; c++) {
        const char text[2] = {(char)c, 0};
        draw(all[c - 32], text, 0, 0, 1);
        if (c > 32)
            wrong +=
                !ink(all[c - 32], &first, &last) || first != 0 || last + 1 != glyphs_width(text);
        for (int d = 32; d < c; d++)
            same += memcmp(all[c - 32], all[d - 32], sizeof all[0]) == 0;
    }
    OK(same == 0, "no two of 95 characters look the same");
    OK(wrong == 0, "each begins at the left and is as wide as it says");
    draw(all[95], " ", 0, 0, 1);
    OK(!ink(all[95], &first, &last) && glyphs_width(" ") == 3, "a space is empty");
    OK(glyphs_width("") == 0 && glyphs_width("ii") == 3 && glyphs_width("i i") == 7,
        "one column between characters");
}

static void check_foreign(void)
{
    unsigned char box[SIDE * SIDE * 3], other[SIDE * SIDE * 3];
    draw(box, "\x01", 0, 0, 1);
    const char *const foreign[] = {"\xc3\x97", "\xc4\xb2", "\xc3", "\xc6\x80", "\xcc\x88",
        "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\x80", "\x7f", "\n", "\x9b"};
    int wrong = 0;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        draw(other, foreign[i], 0, 0, 1);
        wrong += memcmp(box, other, sizeof box) != 0 || glyphs_width(foreign[i]) != 5;
    }
    OK(wrong == 0, "any other character, of however many bytes, is one box");
}

/* Both ways to write a letter with a mark show the letter. */
static void check_marks(void)
{
    static const char *const marked[][2] = {{"\xc3\xbc", "u"}, {"u\xcc\x88", "u"},
        {"\xc3\x80", "A"}, {"\xc3\xbf", "y"}, {"\xc4\x80", "A"}, {"\xc5\x9b", "s"},
        {"\xc5\x82", "l"}, {"e\xcd\xaf\xcc\x80", "e"}};
    unsigned char plain[SIDE * SIDE * 3], other[SIDE * SIDE * 3];
    int wrong = 0;
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        draw(plain, marked[i][1], 0, 0, 1);
        draw(other, marked[i][0], 0, 0, 1);
        wrong += memcmp(plain, other, sizeof plain) != 0 ||
                 glyphs_width(marked[i][0]) != glyphs_width(marked[i][1]);
    }
    OK(wrong == 0, "Latin letters are shown without their marks");
}

static void check_place(void)
{
    unsigned char plain[SIDE * SIDE * 3], other[SIDE * SIDE * 3];
    int wrong = 0;
    draw(plain, "h", 0, 0, 1);
    draw(other, "h", 3, 2, 1);
    for (int j = 0; j < 9; j++)
        wrong += memcmp(plain + j * SIDE * 3, other + (j + 2) * SIDE * 3 + 9, 15) != 0;
    OK(wrong == 0, "moved by (3,2)");
    draw(other, "h", 0, 0, 2);
    for (int j = 0; j < SIDE; j++)
        for (int i = 0; i < SIDE; i++)
            wrong += other[(j * SIDE + i) * 3] != plain[(j / 2 * SIDE + i / 2) * 3];
    OK(wrong == 0, "twice as large");
    for (int at = -30; at <= 30; at += 3)
        draw(other, "W@W", at, at, 3);
    OK(1, "what lies outside is left out");
}

static int fits(const char *text, int width, size_t size, const char *want)
{
    char *const out = malloc(size); /* of its own, so that a sanitizer sees writes behind it */
    glyphs_fit(out, size, text, width);
    const int good = strcmp(out, want) == 0 && (glyphs_width(out) <= width || *want == '\0');
    if (!good)
        printf("# '%s'\n", out);
    free(out);
    return good;
}

static void check_fit(void)
{
    char path[3000];
    OK(fits("abc", 17, 40, "abc"), "three letters of five columns");
    OK(fits("abc", 16, 40, "...c"), "one column less");
    OK(fits("abc", 7, 40, "") && fits("abc", -5, 40, "") && fits("abc", 0, 40, ""), "nothing");
    OK(fits("", 0, 40, ""), "of nothing");
    OK(fits("abdeghnopquv", 8 + 6 * 5, 40, "ab...quv"), "the end is longer");
    OK(fits("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8 + 6 * 3, 40,
           "\xc3\xa9...\xc3\xa9\xc3\xa9"),
        "no character is cut in two");
    OK(fits(
           "u\xcc\x88u\xcc\x88u\xcc\x88u\xcc\x88u\xcc\x88", 8 + 6 * 2, 40, "u\xcc\x88...u\xcc\x88"),
        "nor from its marks");
    OK(fits("iiiiiiiiii", 1000, 8, "ii...ii"), "few bytes, much room");
    OK(fits("iiiiiiiiii", 1000, 3, ""), "too few bytes");
    memset(path, 0x80, sizeof path - 1);
    path[sizeof path - 1] = '\0';
    OK(fits(path, 1000, 40, "..."), "continuations of nothing");
    memset(path, 'x', sizeof path - 1);
    OK(fits(path, 8 + 6 * 4, sizeof path, "xx...xx"), "a long path");
}

int main(void)
{
    check_letters();
    check_foreign();
    check_marks();
    check_place();
    check_fit();
    return tap_done();
}
