/* cli.h -- one table of options feeds parsing, --help, provenance and the shell completion.
 *
 * A table row is: letter (0: none), long name, word for the value, type, variable, range, whether
 * it determines the result, help. Defaults are what the variables hold before parsing, and --help
 * prints them from there. No optional arguments, no environment variables.
 * SPDX-License-Identifier: MIT */
#ifndef CLI_H
#define CLI_H

#include "formats/channel.h"
#include "lib/base/err.h"
#include "lib/base/version.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_type {
    CLI_FLAG,   /* bool: no value */
    CLI_INT,    /* int */
    CLI_LONG,   /* int64_t */
    CLI_REAL,   /* double */
    CLI_SIZE,   /* size_t: bytes, with K, M, G (powers of 1024) */
    CLI_TEXT,   /* const char * */
    CLI_CHOICE, /* const char *: one of `choices`, separated by '|' */
    CLI_TRIPLE, /* struct cli_triple: R,G,B */
    CLI_SHARE,  /* struct cli_share: I/K */
    CLI_HELP,
    CLI_VERSION
};

struct cli_triple {
    bool set;
    double value[3];
};

/* Piece `index` of `count`, counted from 0; count 0: not given. */
struct cli_share {
    int64_t index, count;
};

/* Does the option determine the result? Only those go into the provenance: never file names, FIFOs,
 * threads, memory, level, checkpoints. */
enum cli_use { CLI_INCIDENTAL, CLI_RESULT };

struct cli_option {
    char letter;
    const char *name;
    const char *word; /* what --help calls the value; for CLI_CHOICE the choices: "a|b|c" */
    enum cli_type type;
    void *variable;
    double low, high; /* inclusive; numbers outside are misuse */
    enum cli_use use;
    const char *help; /* without the default, which is printed from the variable */
    bool given;       /* set by cli_parse */
};

struct cli_tool {
    const char *name;     /* "simclr-ntxent" */
    const char *operands; /* "[FILE]", "SOURCE..." or "" */
    int operands_min, operands_max;
    const char *purpose;        /* one sentence */
    struct cli_option *options; /* ends with a row whose name is NULL */
    void (*version)(FILE *out); /* prints more lines of --version (libraries, kernels); or NULL */
};

/* What tools have in common; rows for the table below. */
struct cli_common {
    const char *name; /* of the tool */
    const char *input, *output;
    const char *account;
    int threads, level;
    bool quiet, verbose;
};
extern struct cli_common cli_common;

#define CLI_ROW_INPUT                                                                              \
    {                                                                                              \
        'i', "input", "FILE", CLI_TEXT, &cli_common.input, 0, 0, CLI_INCIDENTAL,                   \
            "read FILE instead of standard input", false                                           \
    }
#define CLI_ROW_OUTPUT                                                                             \
    {                                                                                              \
        'o', "output", "FILE", CLI_TEXT, &cli_common.output, 0, 0, CLI_INCIDENTAL,                 \
            "write FILE instead of standard output", false                                         \
    }
#define CLI_ROW_THREADS                                                                            \
    {                                                                                              \
        't', "threads", "N", CLI_INT, &cli_common.threads, 0, 1024, CLI_INCIDENTAL,                \
            "threads; 0 means one for each CPU; never changes a bit", false                        \
    }
#define CLI_ROW_LEVEL                                                                              \
    {                                                                                              \
        'z', "level", "N", CLI_INT, &cli_common.level, -7, 19, CLI_INCIDENTAL,                     \
            "zstd level of the output stream", false                                               \
    }
#define CLI_ROW_ACCOUNT                                                                            \
    {                                                                                              \
        0, "account", "FILE", CLI_TEXT, &cli_common.account, 0, 0, CLI_INCIDENTAL,                 \
            "append the account to FILE, as a line of a table", false                              \
    }
#define CLI_ROWS_END                                                                               \
    {'q', "quiet", NULL, CLI_FLAG, &cli_common.quiet, 0, 0, CLI_INCIDENTAL,                        \
        "no progress, no warnings", false},                                                        \
        {'v', "verbose", NULL, CLI_FLAG, &cli_common.verbose, 0, 0, CLI_INCIDENTAL,                \
            "say what is done and a closing account", false},                                      \
        {'h', "help", NULL, CLI_HELP, NULL, 0, 0, CLI_INCIDENTAL, "print this and leave", false},  \
        {'V', "version", NULL, CLI_VERSION, NULL, 0, 0, CLI_INCIDENTAL,                            \
            "print version, compiler, libraries and CPU kernels", false},                          \
    {                                                                                              \
        0, NULL, NULL, CLI_FLAG, NULL, 0, 0, CLI_INCIDENTAL, NULL, false                           \
    }

/* Parse; --help and --version print and exit 0, misuse exits 2. Returns the index of the first
 * operand in argv (operands keep their order; options may stand after them; "--" ends options).
 * Also: sets die's name and gives SIGPIPE its default action. */
int cli_parse(struct cli_tool *tool, int argc, char **argv);

/* Was the option given on the command line? */
bool cli_given(const struct cli_tool *tool, const char *name);

/* The options that determine the result, with their values (defaults included; texts that are unset
 * are left out), in table order: what goes into `run`. A new reference. */
json_t *cli_arguments(const struct cli_tool *tool);

/* Input of a filter: the FILE operand, or --input, or standard input. Refuses a terminal (status 2
 * with a hint) and dies on error. */
struct channel *cli_open(const char *operand);

/* Output: --output or standard output; refuses a terminal; FILE.part is removed if the tool dies.
 */
struct channel *cli_create(const char *path);

/* Dies (status 2) unless a file of that name could be written: for what is opened only when hours of
 * work are done. NULL is fine. `option` is its name, for the message. */
void cli_try(const char *option, const char *path);

/* channel_finish() that dies on error. */
void cli_finish(struct channel *channel);

#define CLI_VERSION_TEXT VERSION_TEXT

#endif
