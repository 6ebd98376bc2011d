/* fastexp -- how far from the true exponential, at the ends, and in vectors.
 * SPDX-License-Identifier: MIT */
#include "lib/base/fastexp.h"

#include "lib/base/cpu.h"
#include "tests/unit/tap.h"

#include <float.h>
#include <string.h>

enum { N = 4096 };

CPU_CLONES static void many(float *restrict out, const float *restrict in)
{
    for (int i = 0; i < N; i++)
        out[i] = fastexp(in[i]);
}

/* Error in units in the last place of the true value. */
static double ulps(float got, double x)
{
    const double want = exp(x);
    return fabs(got - want) / ldexp(1, ilogb(want) - 23);
}

int main(void)
{
    static float in[N], out[N];
    double worst = 0, worst_unit = 0;
    int different = 0;
    for (int round = 0; round < 500; round++) {
        for (int i = 0; i < N; i++) /* even steps over all of the range, none of them round */
            in[i] = (float)(-87 + 175 * ((double)round * N + i) / (500.0 * N));
        if (round == 499)
            in[N - 1] = 88;
        many(out, in);
        for (int i = 0; i < N; i++) {
            const float alone = fastexp(in[i]);
            different += memcmp(&alone, &out[i], sizeof alone) != 0;
            const double error = ulps(out[i], in[i]);
            worst = error > worst ? error : worst;
            if (in[i] > -1 && in[i] < 1)
                worst_unit = error > worst_unit ? error : worst_unit;
        }
    }
    printf("# worst error %.3f ulp, near zero %.3f ulp\n", worst, worst_unit);
    OK(worst < 1.0, "within 1.0 ulp from -87 to 88");
    OK(worst_unit < 1.0, "within 1.0 ulp near zero");
    OK(different == 0, "a vector of them has the bits of one");
    OK(fastexp(0) == 1, "e^0 is 1");
    OK(fastexp(-87.5F) == 0 && fastexp(-1e30F) == 0 && fastexp(-INFINITY) == 0, "far below: 0");
    OK(fastexp(-87) >= FLT_MIN, "never denormal");
    return tap_done();
}
