/* npyhead -- a Python literal, read by hand.
 * SPDX-License-Identifier: MIT */
#include "formats/npyhead.h"

#include "formats/bytes.h"
#include "lib/base/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANK = NPYHEAD_RANK, TYPE = NPYHEAD_TYPE, HEADER = 1 << 16, ALIGN = 64 };

bool npyhead_is(const void *bytes, size_t size)
{
    return size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0;
}

/* ---- the literal ---------------------------------------------------------------------------- */

static const char *skip_blank(const char *c)
{
    return c + strspn(c, " \n");
}

/* Each parser takes what it is for and returns where it ends; NULL: it is not there. */
static const char *take(const char *c, const char *word)
{
    const size_t length = strlen(word);
    c = skip_blank(c);
    return strncmp(c, word, length) == 0 ? c + length : NULL;
}

static const char *take_string(const char *c, char out[TYPE])
{
    c = skip_blank(c);
    const char quote = *c;
    if (quote != '\'' && quote != '"')
        return NULL;
    const char ends[] = {quote, '\\', '\n', '\0'};
    const size_t length = strcspn(c + 1, ends);
    if (length >= TYPE || c[1 + length] != quote)
        return NULL;
    memcpy(out, c + 1, length);
    out[length] = '\0';
    return c + length + 2;
}

static const char *take_shape(const char *c, struct npyhead *out)
{
    if ((c = take(c, "(")) == NULL)
        return NULL;
    for (out->rank = 0; *(c = skip_blank(c)) != ')';) {
        const size_t digits = strspn(c, "0123456789");
        if (digits == 0 || digits > 18 || out->rank == RANK)
            return NULL;
        out->shape[out->rank++] = atoll(c);
        const char *const comma = take(c + digits, ",");
        if (comma == NULL && *skip_blank(c + digits) != ')')
            return NULL;
        if (comma == NULL && out->rank == 1) /* "(3)" is a number and no tuple */
            return NULL;
        c = comma != NULL ? comma : c + digits;
    }
    return c + 1;
}

static const char *take_flag(const char *c, bool *out)
{
    const char *const yes = take(c, "True");
    *out = yes != NULL;
    return yes != NULL ? yes : take(c, "False");
}

/* {'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 5)}, each key once, in any order. */
static bool parse_literal(const char *c, struct npyhead *out)
{
    char key[TYPE];
    int seen = 0;
    if ((c = take(c, "{")) == NULL)
        return false;
    while (*skip_blank(c) != '}') {
        if ((c = take_string(c, key)) == NULL || (c = take(c, ":")) == NULL)
            return false;
        const int which = strcmp(key, "descr") == 0           ? 1
                          : strcmp(key, "fortran_order") == 0 ? 2
                          : strcmp(key, "shape") == 0         ? 4
                                                              : 0;
        if (which == 0 || (seen & which) != 0)
            return false;
        seen |= which;
        c = which == 1   ? take_string(c, out->type)
            : which == 2 ? take_flag(c, &out->fortran)
                         : take_shape(c, out);
        if (c == NULL)
            return false;
        const char *const comma = take(c, ",");
        if (comma == NULL && *skip_blank(c) != '}')
            return false;
        c = comma != NULL ? comma : c;
    }
    return seen == 7 && *skip_blank(skip_blank(c) + 1) == '\0';
}

/* ---- reading -------------------------------------------------------------------------------- */

int npyhead_read(
    struct npyhead *out, int fd, int64_t from, int64_t size, const char *path, struct err *err)
{
    struct bytes text = {0};
    memset(out, 0, sizeof *out);
    if (size < 12)
        return err_set(err, ERR_INPUT, "'%s' is cut short", path);
    if (bytes_read_at(&text, fd, from, 12, path, err) < 0) {
        bytes_free(&text);
        return -1;
    }
    const unsigned char *const b = text.data;
    const int version = b[6];
    const size_t first = version == 1 ? 10 : 12;
    const size_t length =
        version == 1 ? (size_t)b[8] | (size_t)b[9] << 8
                     : (size_t)b[8] | (size_t)b[9] << 8 | (size_t)b[10] << 16 | (size_t)b[11] << 24;
    int failed = 0;
    if (!npyhead_is(b, 12) || version < 1 || version > 3 || b[7] != 0)
        failed = err_set(err, ERR_INPUT, "'%s' is a NumPy file of the unknown version %d.%d", path,
            version, b[7]);
    else if (length > HEADER)
        failed = err_set(err, ERR_INPUT, "'%s' has a header of %zu bytes", path, length);
    else if ((int64_t)(first + length) > size)
        failed = err_set(err, ERR_INPUT, "'%s' is cut short", path);
    text.size = 0;
    if (!failed)
        failed = bytes_read_at(&text, fd, from + (int64_t)first, length, path, err);
    unsigned char *const end = failed ? NULL : bytes_room(&text, 1, err);
    if (end != NULL)
        *end = '\0';
    if (end == NULL)
        failed = -1;
    else if (strlen((char *)text.data) != length || !parse_literal((char *)text.data, out))
        failed = err_set(err, ERR_INPUT, "'%s' has a damaged header", path);
    out->at = from + (int64_t)(first + length);
    bytes_free(&text);
    return failed;
}

int npyhead_check(const struct npyhead *head, size_t unit, int64_t from, int64_t size,
    const char *name, struct err *err)
{
    const size_t want =
        shape_plus(shape_bytes(head->rank, head->shape, unit), (size_t)(head->at - from));
    if ((size_t)size == want)
        return 0;
    return err_set(err, ERR_INPUT, "'%s' is %s than its header says", name,
        (size_t)size < want ? "shorter" : "longer");
}

int npyhead_integer_size(const char *type)
{
    if (strcmp(type, "|u1") == 0 || strcmp(type, "|i1") == 0)
        return 1;
    if (type[0] != '<' || (type[1] != 'i' && type[1] != 'u') || type[3] != '\0')
        return 0;
    return type[2] == '2' || type[2] == '4' || type[2] == '8' ? type[2] - '0' : 0;
}

int64_t npyhead_integer(const unsigned char *bytes, int size, bool with_sign)
{
    uint64_t value = with_sign && bytes[size - 1] >= 0x80 ? UINT64_MAX : 0;
    for (int i = size - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

/* ---- writing -------------------------------------------------------------------------------- */

size_t npyhead_write(char out[NPYHEAD_SIZE], const struct npyhead *head)
{
    char shape[RANK * 22 + 1] = "";
    int length = 0;
    for (int i = 0; i < head->rank; i++)
        length += sprintf(shape + length, "%s%lld", i > 0 ? ", " : "", (long long)head->shape[i]);
    const int text = sprintf(out + 10, "{'descr': '%s', 'fortran_order': %s, 'shape': (%s%s), }",
        head->type, head->fortran ? "True" : "False", shape, head->rank == 1 ? "," : "");
    const size_t size = (10 + (size_t)text + 1 + ALIGN - 1) / ALIGN * ALIGN;
    memset(out + 10 + text, ' ', size - 10 - (size_t)text);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (char)((size - 10) & 0xff);
    out[9] = (char)((size - 10) >> 8);
    out[size - 1] = '\n';
    return size;
}
