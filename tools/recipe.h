/* recipe.h -- the options of simclr-augment that say how a view is made, and what they come to.
 *
 * A row of the tool's table whose variable lies inside recipe.augment is an option of the recipe:
 * where it is not given, it takes the value that the recipe has for the size of the views.
 * SPDX-License-Identifier: MIT */
#ifndef RECIPE_H
#define RECIPE_H

#include "lib/image/augment.h"
#include "tools/cli.h"

struct recipe_options {
    const char *name;       /* --recipe */
    const char *asymmetric; /* "blur,jitter"; NULL: nothing */
    double strength;
    const char *views;  /* "2" or "2+6" */
    int large, more;    /* what that says */
    int64_t small_size; /* 0: half of the size */
    struct augment augment;
    struct augment small; /* of the further views; only its areas are options */
};
extern struct recipe_options recipe;

#define RECIPE_NAMES "simclr|simclr-v1|torchvision|eval|none"

/* Before parsing: --help shows the values of recipe simclr, as far as no size changes them. */
void recipe_start(const struct cli_tool *tool);

/* After parsing: dies of options that contradict each other; size 0: the stream will tell. */
void recipe_check(const struct cli_tool *tool, int size);

/* When the size is known: dies of what contradicts it, and fills in what was not given. */
void recipe_settle(const struct cli_tool *tool, int size);

#endif
