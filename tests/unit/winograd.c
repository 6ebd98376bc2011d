/* winograd -- the transforms against the 3x3 filter that they stand for, forward and backward.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/winograd.h"

#include "tests/unit/digest.h"

enum { N = 16, STEP = 40 }; /* channels; floats between places */

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
    winograd_filter(m, STEP, g[0], 9, false);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 16; j++)
            m[j * STEP + i] *= v[j * STEP + i];
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
    float back[N][9];
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 9; j++)
            back[i][j] = g[i][8 - j];
    memset(v, 0, sizeof v);
    memset(w, 0, sizeof w);
    winograd_filter(v, STEP, g[0], 9, true);
    winograd_filter(w, STEP, back[0], 9, false);
    OK(memcmp(v, w, sizeof v) == 0, "turned filters are those that are written backwards");
}

static void backward(void)
{
    const float *in[16], *out[4] = {dy[0], dy[1], dy[2], dy[3]};
    double worst = 0;
    for (int j = 0; j < 16; j++)
        in[j] = d[j];
    winograd_input(v, STEP, in, N);
    winograd_gradient(w, STEP, out, N);
    const float *u[16];
    for (int j = 0; j < 16; j++) {
        for (int i = 0; i < N; i++)
            m[j * STEP + i] = v[j * STEP + i] * w[j * STEP + i];
        u[j] = m + j * STEP;
    }
    for (int i = 0; i < N; i++)
        for (int t = 0; t < 9; t++)
            dg[i][t] = (float)t; /* gradients are added to what is there */
    winograd_filter_gradient(dg[0], 9, u);
    for (int i = 0; i < N; i++)
        for (int t = 0; t < 9; t++) {
            double sum = t;
            for (int j = 0; j < 4; j++)
                sum += (double)dy[j][i] * d[(j / 2 + t / 3) * 4 + j % 2 + t % 3][i];
            worst = fmax(worst, fabs(sum - dg[i][t]));
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
