/* bad -- pictures that cannot be read: named once, counted, left out.
 * SPDX-License-Identifier: MIT */
#include "tools/bad.h"

#include "formats/bytes.h"
#include "formats/picture.h"
#include "tools/die.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINES = 10, SHOWN = 300 };

struct bad_options bad_options = {.max_pixels = (int64_t)PICTURE_PIXELS};

static struct {
    struct channel *file;
    struct bytes line;
    int64_t times, different;
    int64_t *id; /* [room] those of this stream that were named, by hash; -1: free; owned */
    size_t room, used;
} bad;

/* ---- which ones were named ------------------------------------------------------------------- */

static size_t place(int64_t id)
{
    size_t i = (size_t)((uint64_t)id * 0x9E3779B97F4A7C15U >> 32) & (bad.room - 1);
    while (bad.id[i] != -1 && bad.id[i] != id)
        i = (i + 1) & (bad.room - 1);
    return i;
}

static void grow(void)
{
    int64_t *const old = bad.id;
    const size_t size = bad.room;
    bad.room = size == 0 ? 64 : 2 * size;
    bad.id = malloc(bad.room * sizeof *bad.id);
    if (bad.id == NULL)
        die(ERR_FAILED, "cannot allocate memory for the list of bad pictures");
    for (size_t i = 0; i < bad.room; i++)
        bad.id[i] = -1;
    for (size_t i = 0; i < size; i++)
        if (old[i] != -1)
            bad.id[place(old[i])] = old[i];
    free(old);
}

/* False if it was named before. */
static bool is_new(int64_t id)
{
    if (2 * bad.used >= bad.room)
        grow();
    const size_t i = place(id);
    if (bad.id[i] == id && id != -1)
        return false;
    bad.id[i] = id;
    bad.used += id != -1;
    return true;
}

void bad_stream(void)
{
    free(bad.id);
    bad.id = NULL;
    bad.room = bad.used = 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static bool is_same(const struct channel *a, const struct channel *b)
{
    struct stat x, y;
    return channel_part(a) != NULL && channel_part(b) != NULL && fstat(channel_fd(a), &x) == 0 &&
           fstat(channel_fd(b), &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

void bad_open(const struct channel *out)
{
    struct err err = {0};
    if (bad_options.file == NULL)
        return;
    if (strcmp(bad_options.file, "-") == 0)
        die(ERR_MISUSE, "--bad takes a file, not standard output");
    bad.file = channel_create(bad_options.file, &err);
    if (bad.file == NULL)
        die(err.status, "--bad: %s", err.text);
    if (is_same(bad.file, out))
        die(ERR_MISUSE, "--bad and --output are the same file '%s'", bad_options.file);
    die_unlink(channel_part(bad.file));
}

static unsigned char *escape(unsigned char *to, const char *text, size_t length)
{
    static const char plain[] = "\t\n\r\\", escaped[] = "tnr\\";
    for (size_t i = 0; i < length; i++) {
        const char *const found = text[i] == '\0' ? NULL : strchr(plain, text[i]);
        if (found != NULL)
            *to++ = '\\';
        *to++ = (unsigned char)(found == NULL ? text[i] : escaped[found - plain]);
    }
    return to;
}

static void write_line(const char *name, size_t length, const char *reason)
{
    struct err err = {0};
    const size_t reason_length = strlen(reason);
    bad.line.size = 0;
    unsigned char *const room = bytes_room(&bad.line, 2 * (length + reason_length) + 2, &err);
    if (room != NULL) {
        unsigned char *to = escape(room, name, length);
        *to++ = '\t';
        to = escape(to, reason, reason_length);
        *to++ = '\n';
        channel_write(bad.file, room, (size_t)(to - room), &err);
    }
    if (err.status != ERR_NONE)
        die_err(&err);
}

/* ---- interface ------------------------------------------------------------------------------- */

void bad_picture(int64_t id, const char *name, size_t length, const char *reason)
{
    char number[40], quoted[SHOWN + 20];
    const int digits = snprintf(number, sizeof number, "picture %lld", (long long)id);
    if (length > 0)
        snprintf(
            quoted, sizeof quoted, "picture '%.*s'", length < SHOWN ? (int)length : SHOWN, name);
    if (bad_options.strict)
        die(ERR_INPUT, "cannot read %s: %s", length > 0 ? quoted : number, reason);
    bad.times++;
    if (!is_new(id))
        return;
    bad.different++;
    if (bad.file != NULL)
        write_line(length > 0 ? name : number, length > 0 ? length : (size_t)digits, reason);
    else if (bad.different <= LINES && !cli_common.quiet)
        warn("leaves out %s: %s", length > 0 ? quoted : number, reason);
    else if (bad.different == LINES + 1 && !cli_common.quiet)
        warn("leaves out more pictures, which are only counted (--bad FILE names all)");
}

void bad_finish(int64_t all)
{
    if (bad.file != NULL)
        cli_finish(bad.file);
    bad.file = NULL;
    if (bad.times > bad.different && !cli_common.quiet)
        warn("left out %lld of %lld pictures, %lld different ones", (long long)bad.times,
            (long long)all, (long long)bad.different);
    else if (bad.times > 0 && !cli_common.quiet)
        warn("left out %lld of %lld pictures", (long long)bad.times, (long long)all);
    bad_stream();
    bytes_free(&bad.line);
    bad.times = bad.different = 0;
}
