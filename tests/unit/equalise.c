/* equalise -- Pillow's bytes, and planes that stay as they are.
 * SPDX-License-Identifier: MIT */
#include "lib/image/equalise.h"

#include "tests/unit/levels.h"

#include <stdbool.h>

static void equalise(float *planes, size_t n)
{
    equalise_planes(planes, 3, n);
}

static void test_table(void)
{
    enum { N = 510 }; /* 509 of 510 are below the last: the step is 1, and counts exceed 255 */
    float x[N];
    for (int i = 0; i < N; i++)
        x[i] = (float)(i < 100 ? 3 : i < N - 1 ? 9 : 200) / 255;
    equalise_planes(x, 1, N);
    NEAR(x[0], 0, 0, "the darkest becomes black");
    NEAR(x[100], 100.0 / 255, 1e-7, "the next, the share that is darker");
    NEAR(x[N - 1], 1, 1e-7, "at most white");
}

int main(void)
{
    golden_open("tests/golden/kernels.safetensors");
    levels_test("equalise", equalise);
    safetensors_free(&golden);
    test_table();
    float even[1000], few[100];
    bool same = true;
    for (int i = 0; i < 1000; i++)
        even[i] = 100.3F / 255;
    for (int i = 0; i < 100; i++)
        few[i] = (float)i / 255;
    equalise_planes(even, 1, 1000);
    equalise_planes(few, 1, 100);
    NEAR(even[999], 100.0 / 255, 1e-7, "one value stays, rounded to a byte");
    for (int i = 0; i < 100; i++)
        same &= fabs((double)few[i] - i / 255.0) < 1e-7;
    OK(same, "too few samples for a step stay");
    return tap_done();
}
