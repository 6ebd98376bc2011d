/* winograd -- the transforms against the 3x3 filter that they stand for, forward and backward.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/winograd.h"

#include "tests/unit/digest.h"

enum { N = 24, STEP = 40 }; /* channels; floats between places */

static float d[16][N], dy[4][N], y[4][N], g[N][9], dg[N][9];
static float v[16 * STEP], w[16 * STEP], m[16 * STEP];

static void fill(float *to, size_t n, const char *name)
{
    float *const drawn = digest_draw(name, n, 1, 0);
    memcpy(to, drawn, n * sizeof *to);
    free(drawn);
}

/* Each channel by its own filter: the products of matrices are for others to test. */
static void forward(void)
{
    const float *in[16];
    float *out[4] = {y[0], y[1], y[2], y[3]};
    double worst = 0;
    for (int j = 0; j < 16; j++)
        in[j] = d[j];
    winograd_input(v, STEP, in, N);
    for (int i = 0; i < N; i++) {
        float u[16];
        winograd_filter(u, g[i], 1);
        for (int j = 0; j < 16; j++)
            m[j * STEP + i] = v[j * STEP + i] * u[j];
    }
    winograd_output(out, m, STEP, N);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 4; j++) {
            double sum = 0;
            for (int t = 0; t < 9; t++)
                sum += (double)g[i][t] * d[(j / 2 + t / 3) * 4 + j % 2 + t % 3][i];
            worst = fmax(worst, fabs(sum - y[j][i]));
        }
    NEAR(worst, 0, 1e-5, "four outputs of a 3x3 filter");
    float untouched[N];
    memcpy(untouched, y[1], sizeof untouched);
    out[1] = NULL;
    m[0] += 1;
    winograd_output(out, m, STEP, N);
    OK(memcmp(untouched, y[1], sizeof untouched) == 0,
        "an output that is not wanted is not written");
}

static void turned(void)
{
    float back[9], u[16], expected[16];
    for (int t = 0; t < 9; t++)
        back[t] = g[0][8 - t];
    winograd_filter(u, g[0] + 8, -1);
    winograd_filter(expected, back, 1);
    OK(memcmp(u, expected, sizeof u) == 0, "a filter is read backwards with a step of -1");
}

static void backward(void)
{
    const float *in[16], *out[4] = {dy[0], dy[1], dy[2], dy[3]};
    double worst = 0;
    for (int j = 0; j < 16; j++)
        in[j] = d[j];
    winograd_input(v, STEP, in, N);
    winograd_gradient(w, STEP, out, N);
    for (int i = 0; i < N; i++) {
        float u[16];
        for (int j = 0; j < 16; j++)
            u[j] = v[j * STEP + i] * w[j * STEP + i];
        for (int t = 0; t < 9; t++)
            dg[i][t] = (float)t; /* gradients are added to what is there */
        winograd_filter_gradient(dg[i], u);
        for (int t = 0; t < 9; t++) {
            double sum = t;
            for (int j = 0; j < 4; j++)
                sum += (double)dy[j][i] * d[(j / 2 + t / 3) * 4 + j % 2 + t % 3][i];
            worst = fmax(worst, fabs(sum - dg[i][t]));
        }
    }
    NEAR(worst, 0, 2e-5, "the gradient of the filter");
}

int main(void)
{
    fill(&d[0][0], sizeof d / sizeof(float), "d");
    fill(&dy[0][0], sizeof dy / sizeof(float), "dy");
    fill(&g[0][0], sizeof g / sizeof(float), "g");
    forward();
    turned();
    backward();
    return tap_done();
}
