/* scattersvg -- what stands in the text, and nothing that is no XML.
 * SPDX-License-Identifier: MIT */
#include "lib/image/scattersvg.h"

#include "formats/codepoint.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    "a&b<c>\"d\".jpg", "tab\t\x01\xff\xc3\xbc", "\xed\xa0\x80\xef\xbf\xbf\xe0\x80\x80", "d", "e"};

static const char *name(const void *context, int point, size_t *bytes)
{
    (void)context;
    *bytes = strlen(names[point]);
    return names[point];
}

static int count(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

/* UTF-8 of characters that XML has, tags that match. */
static int is_sound(const char *text)
{
    const size_t size = strlen(text);
    int depth = 0, wrong = 0;
    for (size_t i = 0; i < size;) {
        uint32_t c;
        i += (size_t)codepoint_take(&c, (const unsigned char *)text + i, size - i);
        wrong += (c < 0x20 && c != '\n') || (c >= 0xd800 && c < 0xe000) || c >= 0xfffe;
    }
    for (const char *at = text; (at = strchr(at, '<')) != NULL; at++) {
        const char *const end = strchr(at, '>');
        wrong += end == NULL;
        depth += end == NULL || at[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
        wrong += depth < 0;
    }
    return wrong == 0 && depth == 0;
}

static const double at[] = {0, 0, 1, 0, 0, 1, 1, 1, 0.5, 0.5};
static const struct scatter_class legend[] = {{"cats & dogs", 0}, {"black", 7}};
static const int class[] = {0, 1, SCATTER_NONE, 0, 1};

static struct scatter plain(void)
{
    return (struct scatter){.points = 5,
        .at = at,
        .class = class,
        .classes = 2,
        .legend = legend,
        .caption = "five <points>",
        .size = 300,
        .name = name};
}

static void test_points(void)
{
    struct err err = {0};
    struct scatter s = plain();
    char *const text = scattersvg_text(&s, &err);
    OK(text != NULL && is_sound(text), "sound XML %s", err.text);
    OK(count(text, "<use ") == 5 + 2 && count(text, "<title>") == 5 + 1, "points and their titles");
    OK(strstr(text, "<title>a&amp;b&lt;c&gt;&quot;d&quot;.jpg\ncats &amp; dogs</title>") != NULL,
        "a name and its class");
    OK(strstr(text, "<title>tab??\?\xc3\xbc\nblack</title>") != NULL,
        "what XML cannot hold is a ?");
    OK(strstr(text, "five &lt;points&gt;") != NULL, "the caption");
    OK(strstr(text, "prefers-color-scheme:dark") != NULL && count(text, "<rect") == 1,
        "without paper, for bright and dark pages");
    s.painted = true;
    char *const dark = scattersvg_text(&s, &err);
    OK(is_sound(dark) && strstr(dark, "prefers-color-scheme") == NULL &&
            count(dark, "<rect") == 2 && strstr(dark, "fill=\"#ffffff\"") != NULL,
        "on black paper black is white");
    s.classes = 0;
    char *const alike = scattersvg_text(&s, &err);
    OK(is_sound(alike) && count(alike, "<use ") == 5 && strstr(alike, "cats") == NULL,
        "without classes no legend");
    free(text);
    free(dark);
    free(alike);
}

static void test_thumbnails(void)
{
    struct err err = {0};
    struct scatter s = plain();
    unsigned char pixels[20 * 20 * 3];
    memset(pixels, 99, sizeof pixels);
    s.cell = 40;
    int *const shown = scatter_cells(&s.cells, &s, &err);
    struct picture *const thumb = calloc((size_t)s.cells, sizeof *thumb);
    for (int i = 0; i < s.cells; i++)
        if (shown[i] == 0 || shown[i] == 1)
            thumb[i] = (struct picture){20 - 11 * shown[i], 20 - 11 * shown[i], 3, pixels, 0, 0, 1};
    s.shown = shown;
    s.thumb = thumb;
    char *const text = scattersvg_text(&s, &err);
    OK(text != NULL && is_sound(text), "thumbnails %s", err.text);
    OK(count(text, "<image ") == 2 && count(text, "image-rendering=\"pixelated\"") == 1 &&
            count(text, "<use ") == 3 + 2,
        "two pictures, one of them enlarged, and three points");
    const char *const data = strstr(text, "base64,");
    OK(data != NULL && strncmp(data + 7, "/9j/", 4) == 0, "of JPEG bytes");
    const size_t digits =
        strspn(data + 7, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    const size_t padding = strspn(data + 7 + digits, "=");
    OK((digits + padding) % 4 == 0 && padding < 3 && data[7 + digits + padding] == '"',
        "in whole groups of base64");
    free(text);
    free(shown);
    free(thumb);
}

int main(void)
{
    test_points();
    test_thumbnails();
    return tap_done();
}
