/* bad.h -- pictures that cannot be read: named with the reason, counted, left out.
 *
 * Each is named once, however often a run shows it: in the file of --bad, or else on stderr, where
 * the eleventh and all after it are only counted. The file has one line a picture: its name (or
 * `picture ID` if it has none), a tab, the reason; within both, tab, newline, carriage return and
 * backslash are written \t \n \r \\. Like every output it is FILE.part until the tool has ended well.
 * SPDX-License-Identifier: MIT */
#ifndef BAD_H
#define BAD_H

#include "formats/channel.h"
#include "tools/cli.h"

#include <stddef.h>
#include <stdint.h>

struct bad_options {
    const char *file;
    int64_t max_pixels;
    bool strict;
};
extern struct bad_options bad_options;

#define BAD_ROWS                                                                                   \
    {0, "bad", "FILE", CLI_TEXT, &bad_options.file, 0, 0, CLI_INCIDENTAL,                          \
        "name the pictures that cannot be read, and why, in FILE", false},                         \
        {0, "max-pixels", "N", CLI_LONG, &bad_options.max_pixels, 1, 1LL << 40, CLI_RESULT,        \
            "leave out pictures of more pixels", false},                                           \
    {                                                                                              \
        0, "strict", NULL, CLI_FLAG, &bad_options.strict, 0, 0, CLI_INCIDENTAL,                    \
            "stop at a picture that cannot be read", false                                         \
    }

/* Create the file of --bad, if it was given. Dies on error, and if it is that of `out`. */
void bad_open(const struct channel *out);

/* Another stream begins: ids may come again and mean other pictures. */
void bad_stream(void);

/* The picture is left out. `name` need not end with a 0; length 0 if it has no name. Dies with
 * status 3 under --strict. */
void bad_picture(int64_t id, const char *name, size_t length, const char *reason);

/* The file is in its place; one line says how many of `all` pictures were left out, if any. */
void bad_finish(int64_t all);

#endif
