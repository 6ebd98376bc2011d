/* drawing.h -- the pictures of simclr-map: PNG and SVG.
 * SPDX-License-Identifier: MIT */
#ifndef DRAWING_H
#define DRAWING_H

#include "lib/eval/points.h"
#include "tools/cli.h"

#include <stdbool.h>

struct drawing_options {
    const char *png, *svg, *title;
    int size;
    struct cli_triple background;
};
extern struct drawing_options drawing_options;

#define DRAWING_ROWS                                                                               \
    {0, "png", "FILE", CLI_TEXT, &drawing_options.png, 0, 0, CLI_INCIDENTAL,                       \
        "draw a PNG to FILE (- is standard output, and the table is left out)", false},            \
        {0, "svg", "FILE", CLI_TEXT, &drawing_options.svg, 0, 0, CLI_INCIDENTAL,                   \
            "draw an SVG to FILE, whose points tell their names", false},                          \
        {0, "title", "TEXT", CLI_TEXT, &drawing_options.title, 0, 0, CLI_INCIDENTAL,               \
            "a line above the drawing", false},                                                    \
        {0, "size", "PX", CLI_INT, &drawing_options.size, 200, 10000, CLI_INCIDENTAL,              \
            "width of the drawing; default: 720", false},                                          \
    {                                                                                              \
        0, "background", "R,G,B", CLI_TRIPLE, &drawing_options.background, 0, 255, CLI_INCIDENTAL, \
            "colour of the paper; default: white, and none in an SVG", false                       \
    }

/* Is any picture asked for? Is one to go to standard output? */
bool drawing_any(void);
bool drawing_stdout(void);

/* Dies unless the options make sense and the files can be written. `input` may be NULL. */
void drawing_check(const struct cli_tool *tool, const char *input);

/* Draw what was asked for: at [N,2]. Dies on error. */
void drawing_draw(const struct points *points, const double *at, const char *caption);

#endif
