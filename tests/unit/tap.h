/* tap.h -- the few macros a unit test needs: Test Anything Protocol on stdout.
 *
 *     int main(void)
 *     {
 *         OK(rng_below(&rng, 1) == 0, "one thing has one choice");
 *         NEAR(loss, 5.5, 1e-6, "loss of random embeddings");
 *         return tap_done();
 *     }
 * SPDX-License-Identifier: MIT */
#ifndef TAP_H
#define TAP_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

static int tap_count, tap_failed;

#define OK(condition, ...) tap_check((condition) != 0, __FILE__, __LINE__, __VA_ARGS__)

/* |value - wanted| <= tolerance; NaN fails. */
#define NEAR(value, wanted, tolerance, ...)                                                        \
    do {                                                                                           \
        const double tap_v = (value), tap_w = (wanted);                                            \
        OK(fabs(tap_v - tap_w) <= (tolerance), __VA_ARGS__);                                       \
        if (!(fabs(tap_v - tap_w) <= (tolerance)))                                                 \
            printf("# got %.9g, wanted %.9g\n", tap_v, tap_w);                                     \
    } while (0)

#define SKIP(...)                                                                                  \
    do {                                                                                           \
        printf("ok %d # skip ", ++tap_count);                                                      \
        printf(__VA_ARGS__);                                                                       \
        putchar('\n');                                                                             \
    } while (0)

__attribute__((format(printf, 4, 5), unused)) static void tap_check(
    int good, const char *file, int line, const char *format, ...)
{
    va_list list;
    printf("%sok %d - ", good ? "" : "not ", ++tap_count);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    if (!good) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
}

/* Print the plan; the exit status of main(). */
__attribute__((unused)) static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

/* ||a - b|| / ||b||: how errors against goldens are measured. */
__attribute__((unused)) static double tap_error(const float *a, const double *b, size_t n)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += b[i] * b[i];
    }
    return norm > 0 ? sqrt(difference / norm) : sqrt(difference);
}

#endif
