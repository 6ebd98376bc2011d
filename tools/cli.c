/* cli -- parse options from a table, print help and version from the same table.
 * SPDX-License-Identifier: MIT */
#include "tools/cli.h"

#include "formats/stream.h"
#include "tools/die.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#ifndef CLI_FLAGS
#define CLI_FLAGS ""
#endif

struct cli_common cli_common = {.level = STREAM_LEVEL};

/* ---- numbers ----------------------------------------------------------------------------------
 */

static bool parse_real(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return *text != '\0' && *end == '\0' && errno == 0 && isfinite(*out) &&
           strspn(text, "0123456789+-.eE") == strlen(text);
}

static bool parse_integer(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && errno == 0 &&
           strspn(text, "0123456789+-") == strlen(text);
}

static bool parse_size(const char *text, size_t *out)
{
    char *end;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || errno != 0)
        return false;
    const char *const units = "KMG";
    const char *unit = *end == '\0' ? NULL : strchr(units, *end);
    if (*end != '\0' && (unit == NULL || end[1] != '\0'))
        return false;
    const int shift = unit == NULL ? 0 : 10 * (int)(unit - units + 1);
    if (number > SIZE_MAX >> 1 >> shift)
        return false;
    *out = (size_t)number << shift;
    return true;
}

static bool parse_triple(const char *text, struct cli_triple *out)
{
    char copy[200];
    if (strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    char *rest = copy;
    for (int i = 0; i < 3; i++) {
        char *const comma = strchr(rest, ',');
        if ((comma == NULL) != (i == 2))
            return false;
        if (comma != NULL)
            *comma = '\0';
        if (!parse_real(rest, &out->value[i]))
            return false;
        rest = comma == NULL ? rest : comma + 1;
    }
    out->set = true;
    return true;
}

static bool parse_share(const char *text, struct cli_share *out)
{
    char copy[60];
    const char *const slash = strchr(text, '/');
    if (slash == NULL || strlen(text) >= sizeof copy)
        return false;
    strcpy(copy, text);
    copy[slash - text] = '\0';
    return parse_integer(copy, &out->index) && parse_integer(slash + 1, &out->count) &&
           out->index >= 0 && out->index < out->count;
}

/* Is `text` one of the words of "a|b|c"? */
static bool is_choice(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    for (const char *word = choices; length > 0; word++) {
        const size_t next = strcspn(word, "|");
        if (next == length && strncmp(word, text, length) == 0)
            return true;
        word += next;
        if (*word == '\0')
            break;
    }
    return false;
}

/* ---- one option -------------------------------------------------------------------------------
 */

static _Noreturn void misuse(const struct cli_option *o, const char *value, const char *wanted)
{
    die(ERR_MISUSE, "--%s takes %s, not '%s'", o->name, wanted, value);
}

static void check_range(const struct cli_option *o, double number, const char *value)
{
    if (!(number >= o->low && number <= o->high))
        die(ERR_MISUSE, "--%s takes a number from %.15g to %.15g, not '%s'", o->name, o->low,
            o->high, value);
}

static void set_option(struct cli_option *o, const char *value)
{
    double real = 0;
    int64_t integer = 0;
    o->given = true;
    switch (o->type) {
    case CLI_FLAG:
        *(bool *)o->variable = true;
        break;
    case CLI_INT:
    case CLI_LONG:
        if (!parse_integer(value, &integer))
            misuse(o, value, "a whole number");
        check_range(o, (double)integer, value);
        if (o->type == CLI_INT)
            *(int *)o->variable = (int)integer;
        else
            *(int64_t *)o->variable = integer;
        break;
    case CLI_REAL:
        if (!parse_real(value, &real))
            misuse(o, value, "a number");
        check_range(o, real, value);
        *(double *)o->variable = real;
        break;
    case CLI_SIZE:
        if (!parse_size(value, o->variable))
            misuse(o, value, "a size such as 512M");
        check_range(o, (double)*(size_t *)o->variable, value);
        break;
    case CLI_TEXT:
        *(const char **)o->variable = value;
        break;
    case CLI_CHOICE:
        if (!is_choice(o->word, value))
            die(ERR_MISUSE, "--%s takes %s, not '%s'", o->name, o->word, value);
        *(const char **)o->variable = value;
        break;
    case CLI_TRIPLE:
        if (!parse_triple(value, o->variable))
            misuse(o, value, "three numbers R,G,B");
        for (int i = 0; i < 3; i++)
            check_range(o, ((struct cli_triple *)o->variable)->value[i], value);
        break;
    case CLI_SHARE:
        if (!parse_share(value, o->variable))
            misuse(o, value, "I/K, a number from 0 to K-1 and K");
        check_range(o, (double)((struct cli_share *)o->variable)->count, value);
        break;
    case CLI_HELP:
    case CLI_VERSION:
        break;
    }
}

/* ---- help and version -------------------------------------------------------------------------
 */

static void print_default(const struct cli_option *o)
{
    const char *text;
    switch (o->type) {
    case CLI_INT: /* a default out of range means: unset */
        if (*(int *)o->variable >= o->low)
            printf(" (default %d)", *(int *)o->variable);
        break;
    case CLI_LONG:
        if ((double)*(int64_t *)o->variable >= o->low)
            printf(" (default %lld)", (long long)*(int64_t *)o->variable);
        break;
    case CLI_REAL:
        if (*(double *)o->variable >= o->low) /* false for NaN */
            printf(" (default %.6g)", *(double *)o->variable);
        break;
    case CLI_SIZE:
        if (*(size_t *)o->variable != 0)
            printf(" (default %zuM)", *(size_t *)o->variable >> 20);
        break;
    case CLI_TEXT:
    case CLI_CHOICE:
        text = *(const char **)o->variable;
        if (text != NULL)
            printf(" (default %s)", text);
        break;
    default:
        break;
    }
}

static _Noreturn void print_help(const struct cli_tool *tool)
{
    enum { COLUMN = 30 };
    printf("usage: %s [OPTION]...%s%s\n\n%s\n\n", tool->name, *tool->operands ? " " : "",
        tool->operands, tool->purpose);
    for (const struct cli_option *o = tool->options; o->name != NULL; o++) {
        int width =
            o->letter ? printf("  -%c, --%s", o->letter, o->name) : printf("      --%s", o->name);
        if (o->word != NULL)
            width += printf(" %s", o->word);
        if (width > COLUMN - 2)
            width = printf("\n") - 1;
        printf("%*s%s", COLUMN - width, "", o->help);
        print_default(o);
        putchar('\n');
    }
    printf("\nSee also: man %s\n", tool->name);
    exit(fflush(stdout) == 0 ? 0 : ERR_FAILED);
}

static _Noreturn void print_version(const struct cli_tool *tool)
{
    printf("%s %s\n", tool->name, CLI_VERSION_TEXT);
    printf("compiler: %s\nflags: %s\n", __VERSION__, CLI_FLAGS);
    printf("zstd: %s\njansson: %s\n", ZSTD_versionString(), jansson_version_str());
    if (tool->version != NULL)
        tool->version(stdout);
    exit(fflush(stdout) == 0 ? 0 : ERR_FAILED);
}

/* ---- the command line -------------------------------------------------------------------------
 */

static struct cli_option *find_long(struct cli_tool *tool, const char *name, size_t length)
{
    for (struct cli_option *o = tool->options; o->name != NULL; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
            return o;
    die(ERR_MISUSE, "unknown option '--%.*s'", (int)length, name);
}

static struct cli_option *find_letter(struct cli_tool *tool, char letter)
{
    for (struct cli_option *o = tool->options; o->name != NULL; o++)
        if (o->letter == letter)
            return o;
    die(ERR_MISUSE, "unknown option '-%c'", letter);
}

static bool takes_value(const struct cli_option *o)
{
    return o->type != CLI_FLAG && o->type != CLI_HELP && o->type != CLI_VERSION;
}

/* argv[i] is an option: parse it and its value; returns the index of the last word used. */
static int parse_one(struct cli_tool *tool, int argc, char **argv, int i)
{
    const char *word = argv[i];
    struct cli_option *o;
    const char *value = NULL;
    if (word[1] == '-') {
        const char *const equals = strchr(word, '=');
        o = find_long(tool, word + 2, equals ? (size_t)(equals - word - 2) : strlen(word + 2));
        value = equals ? equals + 1 : NULL;
        if (value != NULL && !takes_value(o))
            die(ERR_MISUSE, "--%s takes no value", o->name);
    } else {
        o = find_letter(tool, word[1]);
        while (!takes_value(o) && word[2] != '\0') { /* -qv */
            set_option(o, "");
            o = find_letter(tool, *++word == '\0' ? '?' : word[1]);
        }
        if (takes_value(o) && word[2] != '\0')
            value = word + 2;
    }
    if (takes_value(o) && value == NULL) {
        if (i + 1 == argc)
            die(ERR_MISUSE, "--%s needs a value", o->name);
        value = argv[++i];
    }
    if (o->type == CLI_HELP)
        print_help(tool);
    if (o->type == CLI_VERSION)
        print_version(tool);
    set_option(o, value);
    return i;
}

/* jansson takes a lack of memory for bad syntax, which would be called damaged input. */
static void *json_memory(size_t size)
{
    void *const memory = malloc(size);
    if (memory == NULL)
        die(ERR_FAILED, "cannot allocate memory for JSON");
    return memory;
}

int cli_parse(struct cli_tool *tool, int argc, char **argv)
{
    die_init(tool->name);
    cli_common.name = tool->name;
    json_set_alloc_funcs(json_memory, free);
    signal(SIGPIPE, SIG_DFL);
    int operands = 0;
    char **operand = argc > 0 ? malloc((size_t)argc * sizeof *operand) : NULL;
    if (operand == NULL)
        die(ERR_FAILED, "cannot allocate memory for the command line");
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            i = parse_one(tool, argc, argv, i);
        else
            operand[operands++] = argv[i];
    }
    if (operands < tool->operands_min) {
        struct err err = {0};
        err_set(&err, ERR_MISUSE, "needs an operand: %s", tool->operands);
        err_hint(&err, "%s --help", tool->name);
        die_err(&err);
    }
    if (operands > tool->operands_max)
        die(ERR_MISUSE, "unexpected operand '%s'", operand[tool->operands_max]);
    if (operands > 0)
        memcpy(argv + argc - operands, operand, (size_t)operands * sizeof *operand);
    free(operand);
    return argc - operands;
}

bool cli_given(const struct cli_tool *tool, const char *name)
{
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return o->given;
    return false;
}

static json_t *option_value(const struct cli_option *o)
{
    switch (o->type) {
    case CLI_FLAG:
        return json_boolean(*(bool *)o->variable);
    case CLI_INT:
        return json_integer(*(int *)o->variable);
    case CLI_LONG:
        return (double)*(int64_t *)o->variable >= o->low ? json_integer(*(int64_t *)o->variable)
                                                         : NULL;
    case CLI_SIZE:
        return json_integer((json_int_t) * (size_t *)o->variable);
    case CLI_REAL:
        return json_real(*(double *)o->variable); /* NULL when it is NaN: unset */
    case CLI_TEXT:
    case CLI_CHOICE:
        return *(const char **)o->variable ? json_string(*(const char **)o->variable) : NULL;
    case CLI_TRIPLE: {
        const struct cli_triple *const t = o->variable;
        return t->set ? json_pack("[f,f,f]", t->value[0], t->value[1], t->value[2]) : NULL;
    }
    case CLI_SHARE: {
        const struct cli_share *const p = o->variable;
        return p->count > 0 ? json_pack("[I,I]", (json_int_t)p->index, (json_int_t)p->count) : NULL;
    }
    default:
        return NULL;
    }
}

json_t *cli_arguments(const struct cli_tool *tool)
{
    json_t *const arguments = json_object();
    for (const struct cli_option *o = tool->options; o->name != NULL; o++) {
        json_t *const value = o->use == CLI_RESULT ? option_value(o) : NULL;
        if (value != NULL && json_object_set_new(arguments, o->name, value) != 0)
            die(ERR_FAILED, "cannot allocate memory for the provenance");
    }
    return arguments;
}

/* ---- input and output -------------------------------------------------------------------------
 */

struct channel *cli_open(const char *operand)
{
    struct err err = {0};
    if (operand != NULL && cli_common.input != NULL)
        die(ERR_MISUSE, "--input and operand '%s' are both given", operand);
    struct channel *const in = channel_open(operand ? operand : cli_common.input, &err);
    if (in != NULL && channel_terminal(in)) {
        err_set(&err, ERR_MISUSE, "standard input is a terminal");
        err_hint(&err, "give a FILE, or put the tool behind a pipe");
    }
    if (err.status != ERR_NONE)
        die_err(&err);
    channel_set_notice(in, warn_notice);
    return in;
}

struct channel *cli_create(const char *path)
{
    struct err err = {0};
    struct channel *const out = channel_create(path, &err);
    if (out != NULL && channel_terminal(out)) {
        err_set(&err, ERR_MISUSE, "%s is a terminal", channel_name(out));
        err_hint(&err, "redirect it to a file, or pipe it into the next tool");
    }
    if (err.status != ERR_NONE)
        die_err(&err);
    die_unlink(channel_part(out));
    channel_set_notice(out, warn_notice);
    return out;
}

void cli_try(const char *option, const char *path)
{
    struct err err = {0};
    if (path == NULL)
        return;
    if (strcmp(path, "-") == 0)
        die(ERR_MISUSE, "--%s takes a file, not standard output", option);
    struct channel *const out = channel_create(path, &err); /* FILE.part, removed right away */
    if (out == NULL)
        die(ERR_MISUSE, "--%s: %s", option, err.text);
    channel_abandon(out);
}

void cli_finish(struct channel *channel)
{
    struct err err = {0};
    const char *const part = channel_part(channel);
    const bool failed = channel_finish(channel, &err) < 0; /* frees what `part` points to */
    die_keep(part);
    if (failed)
        die_err(&err);
}
