/* decimal -- digits become an integer and a power of ten.
 * SPDX-License-Identifier: MIT */
#include "formats/decimal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TENS = 23 };

static const double ten[TENS] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12,
    1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

#define EXACT ((uint64_t)1 << 53) /* up to here a double has every integer */

struct scan {
    const char *at, *end;
    uint64_t digits; /* as an integer */
    int exponent;    /* of ten */
    bool many;       /* more digits than that holds */
};

static bool is_digit(const struct scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/* One digit or more; how many. */
static int take_digits(struct scan *s)
{
    const char *const from = s->at;
    for (; is_digit(s); s->at++) {
        s->digits = 10 * s->digits + (uint64_t)(*s->at - '0');
        s->many |= s->digits > EXACT;
        s->digits = s->many ? 0 : s->digits;
    }
    return (int)(s->at - from);
}

static bool take_exponent(struct scan *s)
{
    int value = 0;
    s->at++;
    const bool negative = s->at < s->end && *s->at == '-';
    if (s->at < s->end && (*s->at == '-' || *s->at == '+'))
        s->at++;
    if (!is_digit(s))
        return false;
    for (; is_digit(s); s->at++)
        value = value < 1000 ? 10 * value + (*s->at - '0') : value;
    s->exponent += negative ? -value : value;
    return true;
}

/* As strtod() has it, which wants a zero byte behind the number. */
static bool convert(double *out, const char *text, size_t length)
{
    char copy[DECIMAL_LENGTH];
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = strtod(copy, NULL);
    return isfinite(*out);
}

bool decimal_read(double *out, const char **next, const char *text, const char *end)
{
    if (end - text >= DECIMAL_LENGTH)
        end = text + DECIMAL_LENGTH - 1; /* what goes on there is refused below */
    struct scan s = {.at = text, .end = end};
    const bool negative = s.at < end && *s.at == '-';
    bool whole = true;
    s.at += negative;
    const char *const first = s.at;
    const int digits = take_digits(&s);
    if (digits == 0 || (digits > 1 && *first == '0'))
        return false;
    if (s.at < end && *s.at == '.') {
        s.at++;
        s.exponent = -take_digits(&s);
        whole = false;
        if (s.exponent == 0)
            return false;
    }
    if (s.at < end && (*s.at == 'e' || *s.at == 'E')) {
        whole = false;
        if (!take_exponent(&s))
            return false;
    }
    *next = s.at;
    if (s.at == text + DECIMAL_LENGTH - 1 || (whole && s.many))
        return false;
    if (s.many || s.exponent <= -TENS || s.exponent >= TENS)
        return convert(out, text, (size_t)(s.at - text));
    const double value =
        s.exponent < 0 ? (double)s.digits / ten[-s.exponent] : (double)s.digits * ten[s.exponent];
    *out = negative && !(whole && s.digits == 0) ? -value : value; /* an integer has no -0 */
    return true;
}
