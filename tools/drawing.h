/* drawing.h -- the pictures of simclr-map: PNG and SVG, of points or of thumbnails.
 *
 * Thumbnails are the pictures that the stream of features carries itself (column pixels or bytes), or
 * those of a second stream with the same ids. The second is read when it is known which are shown, and
 * no further than the last of these.
 * SPDX-License-Identifier: MIT */
#ifndef DRAWING_H
#define DRAWING_H

#include "lib/eval/points.h"
#include "tools/cli.h"

#include <stdbool.h>

struct drawing_options {
    const char *png, *svg, *title, *pictures;
    int size, cell;
    bool thumbnails;
    struct cli_triple background;
};
extern struct drawing_options drawing_options;

#define DRAWING_ROWS                                                                               \
    {0, "png", "FILE", CLI_TEXT, &drawing_options.png, 0, 0, CLI_INCIDENTAL,                       \
        "draw a PNG (- is standard output, and there is no table unless --output says where)",     \
        false},                                                                                    \
        {0, "svg", "FILE", CLI_TEXT, &drawing_options.svg, 0, 0, CLI_INCIDENTAL,                   \
            "draw an SVG, whose points tell their names", false},                                  \
        {0, "title", "TEXT", CLI_TEXT, &drawing_options.title, 0, 0, CLI_INCIDENTAL,               \
            "a line above the drawing", false},                                                    \
        {0, "size", "PX", CLI_INT, &drawing_options.size, 200, 8000, CLI_INCIDENTAL,               \
            "width of the drawing; default: 720, with thumbnails 1440", false},                    \
        {0, "background", "R,G,B", CLI_TRIPLE, &drawing_options.background, 0, 255,                \
            CLI_INCIDENTAL, "colour of the paper; default: white, and none in an SVG", false},     \
        {0, "thumbnails", NULL, CLI_FLAG, &drawing_options.thumbnails, 0, 0, CLI_INCIDENTAL,       \
            "draw the pictures that the stream carries in place of points", false},                \
        {0, "pictures", "FILE", CLI_TEXT, &drawing_options.pictures, 0, 0, CLI_INCIDENTAL,         \
            "the same with those of a stream of images or views, by id (file, FIFO, /dev/fd/N)",   \
            false},                                                                                \
    {                                                                                              \
        0, "cell", "PX", CLI_INT, &drawing_options.cell, 16, 1000, CLI_INCIDENTAL,                 \
            "side of the square that a thumbnail has; default: 48", false                          \
    }

/* Is any picture asked for? Is one to go to standard output? */
bool drawing_any(void);
bool drawing_stdout(void);

/* Dies unless the options make sense and the files can be written. `input` may be NULL. Opens
 * --pictures. */
void drawing_check(const struct cli_tool *tool, const char *input);

/* For points_read(): keeps the pictures of the stream, if --thumbnails asks for them. NULL if not. */
points_visit *drawing_visit(void);

/* Draw what was asked for: at [N,2]. Dies on error. */
void drawing_draw(const struct points *points, const double *at, const char *caption);

#endif
