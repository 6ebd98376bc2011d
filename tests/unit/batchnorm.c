/* batchnorm -- against goldens, finite differences, any number of threads; running statistics.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/batchnorm.h"

#include "tests/unit/digest.h"

struct layer {
    size_t m;
    int c;
    bool relu, residual, constant;
    size_t n;
    float *x, *r, *gamma, *beta, *running_mean, *running_var, *dy; /* drawn */
    float *y, *mean, *inverse, *dx, *dr, *dgamma, *dbeta, *scratch;
};

static struct layer layer_new(size_t m, int c, bool relu, bool residual, bool constant)
{
    struct layer l = {.m = m, .c = c, .relu = relu, .residual = residual, .constant = constant};
    const size_t k = (size_t)c, n = m * k;
    char key[80], name[100];
    snprintf(key, sizeof key, "norm%zu_%d_%d_%d_%d", m, c, relu, residual, constant);
    const struct {
        float **out;
        const char *suffix;
        size_t n;
        double scale, offset;
    } drawn[] = {{&l.x, "x", n, 2, 0.5}, {&l.r, "r", n, 1, 0}, {&l.gamma, "gamma", k, 0.5, 1},
        {&l.beta, "beta", k, 0.5, 0}, {&l.running_mean, "mean", k, 0.5, 0},
        {&l.running_var, "var", k, 0.5, 1}, {&l.dy, "dy", n, 1, 0}};
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        snprintf(name, sizeof name, "%s%s", key, drawn[i].suffix);
        *drawn[i].out = digest_draw(name, drawn[i].n, drawn[i].scale, drawn[i].offset);
    }
    l.n = n;
    l.y = digest_draw("garbage", n, 1, 0);
    l.dx = digest_draw("garbage", n, 1, 0);
    l.dr = digest_draw("garbage", n, 1, 0);
    l.mean = digest_draw("garbage", k, 1, 0);
    l.inverse = digest_draw("garbage", k, 1, 0);
    l.scratch = digest_draw("garbage", batchnorm_scratch(m, c), 1, 0);
    l.dgamma = calloc(k, sizeof(float));
    l.dbeta = calloc(k, sizeof(float));
    return l;
}

static void layer_free(struct layer *l)
{
    float *all[] = {l->x, l->r, l->gamma, l->beta, l->running_mean, l->running_var, l->dy, l->y,
        l->mean, l->inverse, l->dx, l->dr, l->dgamma, l->dbeta, l->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void forward(struct layer *l, struct parallel *parallel, bool update)
{
    if (l->constant)
        batchnorm_running(l->mean, l->inverse, l->running_mean, l->running_var, l->c);
    else
        batchnorm_statistics(parallel, l->mean, l->inverse, update ? l->running_mean : NULL,
            update ? l->running_var : NULL, l->x, PRECISION_F32, l->m, l->c, l->scratch);
    batchnorm_forward(parallel, l->y, l->x, l->residual ? l->r : NULL, PRECISION_F32, l->mean,
        l->inverse, l->gamma, l->beta, l->m, l->c, l->relu);
}

static void backward(struct layer *l, struct parallel *parallel)
{
    batchnorm_backward(parallel, l->dx, l->residual ? l->dr : NULL, l->dgamma, l->dbeta, l->dy,
        NULL, l->x, l->y, PRECISION_F32, l->mean, l->inverse, l->gamma, l->beta, l->m, l->c,
        l->relu, l->constant, l->scratch);
}

static const struct {
    size_t m;
    int c;
    bool relu, residual, constant;
} goldens[] = {{70, 16, true, true, false}, {33, 24, true, false, false},
    {99, 7, false, false, false}, {4, 300, false, true, false}, {40, 12, true, true, true}};

static void against_goldens(void)
{
    struct err err = {0};
    struct safetensors file = {0};
    if (safetensors_load(&file, "tests/golden/encoder.safetensors", 1 << 24, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
        struct layer l = layer_new(
            goldens[i].m, goldens[i].c, goldens[i].relu, goldens[i].residual, goldens[i].constant);
        const size_t c = (size_t)l.c;
        forward(&l, NULL, true);
        backward(&l, NULL);
        const struct {
            const char *suffix;
            const float *x;
            size_t n;
        } results[] = {{"y", l.y, l.n}, {"dx", l.dx, l.n}, {"dgamma", l.dgamma, c},
            {"dbeta", l.dbeta, c}, {"dr", l.dr, l.residual ? l.n : 0},
            {"mean", l.running_mean, l.constant ? 0 : c},
            {"var", l.running_var, l.constant ? 0 : c}};
        for (size_t j = 0; j < sizeof results / sizeof *results; j++) {
            char name[100];
            snprintf(name, sizeof name, "norm%zu_%d_%d_%d_%d.%s", l.m, l.c, l.relu, l.residual,
                l.constant, results[j].suffix);
            if (results[j].n > 0) {
                const double error = digest_error(&file, name, results[j].x, results[j].n);
                OK(error < 1e-5, "golden %s: %.1e", name, error);
            }
        }
        layer_free(&l);
    }
    safetensors_free(&file);
}

/* The formulas of the paper in double, as a function of everything: <y, dy>. */
static double objective(const struct layer *l, const double *x, const double *gamma,
    const double *beta, const double *r)
{
    double sum = 0;
    const double m = (double)l->m;
    for (int c = 0; c < l->c; c++) {
        double mean = 0, var = 0;
        for (size_t i = 0; i < l->m; i++)
            mean += x[i * (size_t)l->c + (size_t)c] / m;
        for (size_t i = 0; i < l->m; i++)
            var += pow(x[i * (size_t)l->c + (size_t)c] - mean, 2) / m;
        if (l->constant) {
            mean = l->running_mean[c];
            var = l->running_var[c];
        }
        for (size_t i = 0; i < l->m; i++) {
            const size_t at = i * (size_t)l->c + (size_t)c;
            double y = gamma[c] * (x[at] - mean) / sqrt(var + BATCHNORM_EPSILON) + beta[c];
            y += l->residual ? r[at] : 0;
            sum += (l->relu && y < 0 ? 0 : y) * l->dy[at];
        }
    }
    return sum;
}

static double *doubles(const float *x, size_t n)
{
    double *out = malloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = x[i];
    return out;
}

static void finite_differences(void)
{
    for (int kind = 0; kind < 8; kind++) {
        struct layer l = layer_new(9, 5, kind & 1, kind & 2, kind & 4);
        double *in[4] = {
            doubles(l.x, l.n), doubles(l.gamma, 5), doubles(l.beta, 5), doubles(l.r, l.n)};
        const float *gradient[4] = {l.dx, l.dgamma, l.dbeta, l.dr};
        const size_t count[4] = {l.n, 5, 5, l.residual ? l.n : 0};
        forward(&l, NULL, false);
        backward(&l, NULL);
        double worst = 0;
        for (int v = 0; v < 4; v++)
            for (size_t i = 0; i < count[v]; i++) {
                const double step = 1e-6, before = in[v][i];
                in[v][i] = before + step;
                const double up = objective(&l, in[0], in[1], in[2], in[3]);
                in[v][i] = before - step;
                const double down = objective(&l, in[0], in[1], in[2], in[3]);
                in[v][i] = before;
                worst = fmax(worst, fabs((up - down) / (2 * step) - gradient[v][i]));
            }
        NEAR(worst, 0, 1e-5, "finite differences: relu %d, residual %d, constant %d", kind & 1,
            kind >> 1 & 1, kind >> 2);
        for (int v = 0; v < 4; v++)
            free(in[v]);
        layer_free(&l);
    }
}

/* Sizes that need several blocks, several tiles, tails. */
static void same_bits(void)
{
    static const struct {
        size_t m;
        int c;
    } sizes[] = {{10001, 16}, {3001, 65}, {129, 700}, {2, 3}, {5000, 1}, {4097, 24}};
    struct err err = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct layer one = layer_new(sizes[i].m, sizes[i].c, true, i % 2, false);
        forward(&one, NULL, true);
        backward(&one, NULL);
        for (int threads = 2; threads <= 3; threads++) {
            struct parallel *parallel = parallel_new(threads, &err);
            struct layer more = layer_new(sizes[i].m, sizes[i].c, true, i % 2, false);
            const size_t bytes = one.n * sizeof(float), vector = (size_t)one.c * sizeof(float);
            forward(&more, parallel, true);
            backward(&more, parallel);
            OK(memcmp(one.y, more.y, bytes) == 0 && memcmp(one.dx, more.dx, bytes) == 0 &&
                    memcmp(one.dr, more.dr, bytes) == 0 &&
                    memcmp(one.dgamma, more.dgamma, vector) == 0 &&
                    memcmp(one.dbeta, more.dbeta, vector) == 0 &&
                    memcmp(one.running_mean, more.running_mean, vector) == 0 &&
                    memcmp(one.running_var, more.running_var, vector) == 0,
                "%zu x %d: %d threads give the bits of one", one.m, one.c, threads);
            layer_free(&more);
            parallel_free(parallel);
        }
        /* And they are the right numbers, as a plain loop has them. */
        double worst = 0;
        for (int c = 0; c < one.c; c++) {
            double mean = 0, var = 0;
            for (size_t j = 0; j < one.m; j++)
                mean += one.x[j * (size_t)one.c + (size_t)c] / (double)one.m;
            for (size_t j = 0; j < one.m; j++)
                var += pow(one.x[j * (size_t)one.c + (size_t)c] - mean, 2) / (double)one.m;
            worst = fmax(worst, fabs(one.mean[c] - mean));
            worst = fmax(worst, fabs(one.inverse[c] * sqrt(var + BATCHNORM_EPSILON) - 1));
        }
        NEAR(worst, 0, 3e-6, "%zu x %d: statistics", one.m, one.c);
        layer_free(&one);
    }
}

static void in_place(void)
{
    struct layer a = layer_new(3000, 24, true, false, false);
    struct layer b = layer_new(3000, 24, true, true, false);
    forward(&a, NULL, false);
    backward(&a, NULL);
    float *dy = malloc(a.n * sizeof *dy);
    memcpy(dy, a.dy, a.n * sizeof *dy);
    memset(a.dgamma, 0, 24 * sizeof(float));
    batchnorm_backward(NULL, dy, NULL, a.dgamma, a.dbeta, dy, NULL, a.x, a.y, PRECISION_F32, a.mean,
        a.inverse, a.gamma, a.beta, a.m, a.c, true, false, a.scratch);
    OK(memcmp(dy, a.dx, a.n * sizeof *dy) == 0, "dx may be dy");
    memcpy(dy, a.dy, a.n * sizeof *dy);
    memset(a.dgamma, 0, 24 * sizeof(float));
    batchnorm_backward(NULL, dy, NULL, a.dgamma, a.dbeta, dy, NULL, a.x, NULL, PRECISION_F32,
        a.mean, a.inverse, a.gamma, a.beta, a.m, a.c, true, false, a.scratch);
    OK(memcmp(dy, a.dx, a.n * sizeof *dy) == 0, "x tells where ReLU was open, as y does");
    memcpy(dy, a.x, a.n * sizeof *dy);
    batchnorm_forward(
        NULL, dy, dy, NULL, PRECISION_F32, a.mean, a.inverse, a.gamma, a.beta, a.m, a.c, true);
    OK(memcmp(dy, a.y, a.n * sizeof *dy) == 0, "y may be x");
    forward(&b, NULL, false);
    backward(&b, NULL);
    float *dx = malloc(b.n * sizeof *dx);
    memcpy(dy, b.dy, b.n * sizeof *dy);
    batchnorm_backward(NULL, dx, dy, b.dgamma, b.dbeta, dy, NULL, b.x, b.y, PRECISION_F32, b.mean,
        b.inverse, b.gamma, b.beta, b.m, b.c, true, false, b.scratch);
    OK(memcmp(dx, b.dx, b.n * sizeof *dx) == 0 && memcmp(dy, b.dr, b.n * sizeof *dy) == 0,
        "dresidual may be dy");
    for (size_t i = 0; i < b.n; i++) {
        dy[i] = b.dy[i] - b.r[i];
        dx[i] = b.r[i];
        b.dy[i] = dy[i] + dx[i];
    }
    backward(&b, NULL);
    batchnorm_backward(NULL, dx, dy, b.dgamma, b.dbeta, dy, dx, b.x, b.y, PRECISION_F32, b.mean,
        b.inverse, b.gamma, b.beta, b.m, b.c, true, false, b.scratch);
    OK(memcmp(dx, b.dx, b.n * sizeof *dx) == 0 && memcmp(dy, b.dr, b.n * sizeof *dy) == 0,
        "dy may come in two addends, in whose places dresidual and dx go");
    free(dx);
    free(dy);
    layer_free(&a);
    layer_free(&b);
}

static void rules(void)
{
    struct layer l = layer_new(2, 1, true, false, false);
    l.x[0] = 1;
    l.x[1] = 4;
    l.running_mean[0] = 0;
    l.running_var[0] = 1;
    forward(&l, NULL, true);
    NEAR(l.running_mean[0], 0.25, 1e-7, "the running mean takes a tenth of 2.5");
    NEAR(l.running_var[0], 0.9 + 0.45, 1e-6,
        "the running variance takes a tenth of 4.5, not of 2.25 (Bessel)");
    l.dgamma[0] = l.dbeta[0] = 100;
    backward(&l, NULL);
    OK(l.dgamma[0] > 90 && l.dbeta[0] > 90, "gradients are added to what is there");
    l.x[0] = NAN;
    batchnorm_forward(
        NULL, l.y, l.x, NULL, PRECISION_F32, l.mean, l.inverse, l.gamma, NULL, l.m, l.c, true);
    OK(isnan(l.y[0]), "NaN passes through ReLU");
    l.x[0] = 4;
    l.x[1] = 4;
    l.gamma[0] = 1;
    forward(&l, NULL, false);
    NEAR(l.inverse[0], 1 / sqrt(1e-5), 1e-3, "a constant channel is divided by epsilon's root");
    NEAR(l.y[0], l.beta[0] < 0 ? 0 : l.beta[0], 1e-7, "and becomes beta");
    layer_free(&l);
}

/* bf16 is f32 on the same numbers, each result rounded when it is written. */
static void half(size_t m, int c, bool relu, bool residual, bool constant)
{
    struct layer l = layer_new(m, c, relu, residual, constant);
    const size_t n = l.n, k = (size_t)c;
    float *const drawn[] = {l.x, l.r, l.dy};
    uint16_t *map[6]; /* x, r, dy; y, dx, dr */
    for (int i = 0; i < 6; i++) {
        map[i] = calloc(n, sizeof **map);
        if (i < 3)
            precision_write(map[i], drawn[i], PRECISION_BF16, n);
        if (i < 3)
            precision_read(drawn[i], map[i], PRECISION_BF16, n);
    }
    forward(&l, NULL, false);
    uint16_t *const wanted = calloc(n, sizeof *wanted);
    precision_write(wanted, l.y, PRECISION_BF16, n);
    precision_read(l.y, wanted, PRECISION_BF16, n); /* what ReLU's mask is taken from */
    backward(&l, NULL);
    float *const mean = calloc(k, sizeof(float)), *const inverse = calloc(k, sizeof(float));
    float *const dgamma = calloc(k, sizeof(float)), *const dbeta = calloc(k, sizeof(float));
    if (constant)
        batchnorm_running(mean, inverse, l.running_mean, l.running_var, c);
    else
        batchnorm_statistics(
            NULL, mean, inverse, NULL, NULL, map[0], PRECISION_BF16, m, c, l.scratch);
    batchnorm_forward(NULL, map[3], map[0], residual ? map[1] : NULL, PRECISION_BF16, mean, inverse,
        l.gamma, l.beta, m, c, relu);
    bool same = memcmp(map[3], wanted, n * sizeof *wanted) == 0;
    batchnorm_backward(NULL, map[4], residual ? map[5] : NULL, dgamma, dbeta, map[2], NULL, map[0],
        map[3], PRECISION_BF16, mean, inverse, l.gamma, l.beta, m, c, relu, constant, l.scratch);
    precision_write(wanted, l.dx, PRECISION_BF16, n);
    same = same && memcmp(map[4], wanted, n * sizeof *wanted) == 0;
    precision_write(wanted, l.dr, PRECISION_BF16, n);
    same = same && (!residual || memcmp(map[5], wanted, n * sizeof *wanted) == 0);
    OK(same && memcmp(dgamma, l.dgamma, k * sizeof(float)) == 0 &&
            memcmp(dbeta, l.dbeta, k * sizeof(float)) == 0,
        "bf16, %zu x %d%s%s%s: f32 rounded", m, c, relu ? ", relu" : "",
        residual ? ", residual" : "", constant ? ", constant" : "");
    for (int i = 0; i < 6; i++)
        free(map[i]);
    free(wanted);
    free(mean);
    free(inverse);
    free(dgamma);
    free(dbeta);
    layer_free(&l);
}

int main(void)
{
    for (int i = 0; i < 8; i++)
        half(i % 2 ? 1037 : 35, 3 + 37 * i, i & 1, i & 2, i & 4);
    against_goldens();
    finite_differences();
    same_bits();
    in_place();
    rules();
    return tap_done();
}
