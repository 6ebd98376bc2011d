/* ntxent -- against PyTorch, against a plain double loop and finite differences; the bits; memory.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getrusage with ru_maxrss */
#include "lib/objective/ntxent.h"

#include "formats/safetensors.h"
#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct parallel *pool[3];
static bool portable;
static int steps = 1;

/* ---- the twin ----------------------------------------------------------------------------------- */

/* The loss in double, as its formula stands. */
static double twin(const double *z, const int64_t *id, int m, int p, double temperature)
{
    double *const u = malloc((size_t)m * (size_t)p * sizeof *u), loss = 0;
    for (int i = 0; i < m; i++) {
        double square = 0;
        for (int j = 0; j < p; j++)
            square += z[i * p + j] * z[i * p + j];
        for (int j = 0; j < p; j++)
            u[i * p + j] = z[i * p + j] / sqrt(square > 1e-12 ? square : 1e-12);
    }
    for (int i = 0; i < m; i++) {
        double all = 0, mean = 0;
        int count = 0;
        for (int k = 0; k < m; k++) {
            double x = 0;
            if (k == i)
                continue;
            for (int j = 0; j < p; j++)
                x += u[i * p + j] * u[k * p + j] / temperature;
            all += exp(x - 1 / temperature);
            mean += id[k] == id[i] ? x : 0;
            count += id[k] == id[i];
        }
        loss += (log(all) + 1 / temperature - mean / count) / m;
    }
    free(u);
    return loss;
}

struct rows {
    int m, p;
    float *z, *grad;
    int64_t *id, *view;
};

/* Random rows, view by view: signal is what views of a picture share. */
static struct rows draw(int pictures, int views, int p, double signal)
{
    const size_t m = (size_t)pictures * (size_t)views;
    struct rows r = {(int)m, p, malloc(m * (size_t)p * 4), malloc(m * (size_t)p * 4),
        malloc(m * sizeof(int64_t)), malloc(m * sizeof(int64_t))};
    for (int i = 0; i < r.m; i++) {
        r.id[i] = i % pictures;
        r.view[i] = i / pictures;
        struct rng own = rng_key(5, 0, i % pictures, i / pictures, "own");
        struct rng shared = rng_key(5, 0, i % pictures, 0, "shared");
        for (int j = 0; j < p; j++)
            r.z[(size_t)i * (size_t)p + (size_t)j] =
                (float)(rng_normal(&own) + signal * rng_normal(&shared));
    }
    return r;
}

static void release(struct rows *r)
{
    free(r->z);
    free(r->grad);
    free(r->id);
    free(r->view);
}

static struct ntxent_result run(
    const struct rows *r, double temperature, struct parallel *parallel, struct err *err)
{
    struct ntxent_result result = {0};
    struct ntxent *const n = ntxent_new(r->p, temperature, portable, parallel, err);
    for (int step = 0; step < steps; step++)
        if (ntxent_forward(n, &result, r->z, r->id, r->view, r->m, err) == 0)
            ntxent_backward(n, r->grad);
    ntxent_free(n);
    return result;
}

/* ---- goldens ------------------------------------------------------------------------------------ */

static const void *find(const struct safetensors *doc, const char *name, const char *what,
    int64_t *rows, int64_t *columns)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", name, what);
    const struct tensor *const t = safetensors_find(doc, key);
    if (t == NULL)
        return NULL;
    *rows = t->shape[0];
    *columns = t->rank > 1 ? t->shape[1] : 1;
    void *const copy = malloc(t->bytes); /* what was parsed is not aligned */
    memcpy(copy, t->data, t->bytes);
    return copy;
}

static void check_golden(const struct safetensors *doc, const char *name)
{
    static const char *const names[] = {
        "loss", "accuracy", "entropy", "alignment", "uniformity", "std"};
    struct err err = {0};
    int64_t m = 0, p = 0, one;
    float *const z = (float *)find(doc, name, "z", &m, &p);
    int64_t *const id = (int64_t *)find(doc, name, "id", &one, &one);
    int64_t *const view = (int64_t *)find(doc, name, "view", &one, &one);
    double *const temperature = (double *)find(doc, name, "temperature", &one, &one);
    double *const grad = (double *)find(doc, name, "grad", &one, &one);
    double *const want = (double *)find(doc, name, "result", &one, &one);
    float *const got = malloc((size_t)(m * p) * sizeof *got);
    const struct rows rows = {(int)m, (int)p, z, got, id, view};
    const struct ntxent_result r = run(&rows, *temperature, pool[1], &err);
    const double have[] = {r.loss, r.accuracy, r.entropy, r.alignment, r.uniformity, r.std};
    OK(err.status == ERR_NONE, "%s: %lld rows %s", name, (long long)m, err.text);
    for (int i = 0; i < 6; i++)
        NEAR(have[i], want[i], 1e-6 * fabs(want[i]), "%s: %s of PyTorch to 1e-6", name, names[i]);
    const double error = tap_error(got, grad, (size_t)(m * p));
    printf("# %s: loss off by %.1e, gradient by %.1e\n", name, fabs(r.loss - want[0]) / want[0],
        error);
    NEAR(error, 0, 1e-6, "%s: gradient of PyTorch to 1e-6", name);
    double worst = 0; /* of any row: the longest gradients do not hide the others */
    for (int64_t i = 0; i < m; i++)
        worst = fmax(worst, tap_error(got + i * p, grad + i * p, (size_t)p));
    NEAR(worst, 0, 5e-6, "%s: gradient of each row to 5e-6", name);
    free(z);
    free(id);
    free(view);
    free(temperature);
    free(grad);
    free(want);
    free(got);
}

static void goldens(void)
{
    static const char *const cases[] = {"two", "many", "cold", "three", "uneven", "lengths"};
    struct safetensors doc;
    struct err err = {0};
    if (safetensors_load(&doc, "tests/golden/ntxent.safetensors", 1 << 24, &err) < 0) {
        OK(0, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_golden(&doc, cases[i]);
    safetensors_free(&doc);
}

/* ---- against itself ------------------------------------------------------------------------------ */

/* Two pictures, two views: u = (1,0) (0,1) and (1,0) (-1,0), T = 1. */
static void by_hand(void)
{
    static float z[] = {2, 0, 0, 3, 0.5F, 0, -7, 0}, grad[8];
    static int64_t id[] = {0, 1, 0, 1}, view[] = {0, 0, 1, 1};
    const struct rows rows = {4, 2, z, grad, id, view};
    struct err err = {0};
    const struct ntxent_result r = run(&rows, 1, NULL, &err);
    const double e = exp(1);
    const double loss =
        (log(e + 1 + 1 / e) - 1 + log(3) + log(e + 1 + 1 / e) - 1 + log(1 + 2 / e)) / 4;
    NEAR(r.loss, loss, 1e-7, "loss of four rows, by hand");
    NEAR(r.baseline, log(3), 1e-12, "baseline ln 3");
    NEAR(r.floor, log(1 + 2 * exp(-2)), 1e-12, "floor: positives at 1, negatives at -1");
    NEAR(r.accuracy, 0.5, 0, "(1,0) finds itself; (0,1) has a tie, which the first wins");
    NEAR(r.alignment, 1, 1e-7, "alignment: distances 0 and 2, mean 1");
    NEAR(r.uniformity, log((1 + 2 * exp(-4) + 2 * exp(-8) + exp(-4)) / 6), 1e-6,
        "uniformity by hand");
}

static void finite_differences(int views, double temperature)
{
    struct err err = {0};
    struct rows r = draw(6, views, 5, 0.5);
    run(&r, temperature, NULL, &err);
    const int size = r.m * r.p;
    double *const z = malloc((size_t)size * sizeof *z), *const want =
                                                            malloc((size_t)size * sizeof *z);
    for (int i = 0; i < size; i++)
        z[i] = r.z[i];
    for (int i = 0; i < size; i++) {
        const double h = 1e-5;
        z[i] = r.z[i] + h;
        const double up = twin(z, r.id, r.m, r.p, temperature);
        z[i] = r.z[i] - h;
        want[i] = (up - twin(z, r.id, r.m, r.p, temperature)) / (2 * h);
        z[i] = r.z[i];
    }
    NEAR(tap_error(r.grad, want, (size_t)size), 0, 2e-6,
        "%d views, T %g: gradient of finite differences", views, temperature);
    free(z);
    free(want);
    release(&r);
}

/* The same bits whatever the threads, the order of the rows, and what came before. */
static void bits(void)
{
    struct err err = {0};
    struct rows r = draw(150, 3, 20, 0.3);
    const size_t size = (size_t)r.m * (size_t)r.p;
    const struct ntxent_result one = run(&r, 0.2, NULL, &err);
    float *const grad = malloc(size * sizeof *grad);
    memcpy(grad, r.grad, size * sizeof *grad);
    for (int threads = 2; threads <= 3; threads++) {
        const struct ntxent_result again = run(&r, 0.2, pool[threads - 1], &err);
        OK(memcmp(&again, &one, sizeof one) == 0, "%d threads: the same result", threads);
        OK(memcmp(grad, r.grad, size * sizeof *grad) == 0, "%d threads: the same gradient",
            threads);
    }

    struct rows s = draw(150, 3, 20, 0.3);
    for (int i = 0; i < r.m; i++) {
        const int to = (int)((int64_t)i * 77 % r.m); /* 77 and 450 have no common divisor */
        memcpy(s.z + to * r.p, r.z + i * r.p, (size_t)r.p * sizeof *r.z);
        s.id[to] = r.id[i];
        s.view[to] = r.view[i];
    }
    const struct ntxent_result mixed = run(&s, 0.2, pool[1], &err);
    OK(memcmp(&mixed, &one, sizeof one) == 0, "rows in another order: the same result");
    int different = 0;
    for (int i = 0; i < r.m; i++)
        different += memcmp(s.grad + (int)((int64_t)i * 77 % r.m) * r.p, grad + i * r.p,
                         (size_t)r.p * sizeof *grad) != 0;
    OK(different == 0, "rows in another order: the same gradient of each");

    struct ntxent *const n = ntxent_new(r.p, 0.2, portable, pool[1], &err);
    struct ntxent_result first, second;
    struct rows large = draw(700, 2, 20, 0);
    ntxent_forward(n, &first, large.z, large.id, large.view, large.m, &err);
    ntxent_backward(n, large.grad);
    NEAR(first.loss, log(1399) + 0.5 / (20 * 0.04), 0.05, "random: ln(2N-1) and half the variance");
    ntxent_forward(n, &second, r.z, r.id, r.view, r.m, &err);
    ntxent_backward(n, r.grad);
    OK(memcmp(&second, &one, sizeof one) == 0, "after a larger step: the same result");
    OK(memcmp(grad, r.grad, size * sizeof *grad) == 0, "after a larger step: the same gradient");

    ntxent_forward(n, &second, r.z, r.id, NULL, r.m, &err);
    OK(memcmp(&second, &one, sizeof one) == 0, "views in order need no column");
    ntxent_free(n);
    free(grad);
    release(&large);
    release(&s);
    release(&r);
}

static void extremes(void)
{
    struct err err = {0};
    struct rows r = draw(64, 2, 8, 0);
    for (int i = 0; i < r.m; i++) /* collapse: all rows the same */
        memcpy(r.z + i * r.p, r.z, (size_t)r.p * sizeof *r.z);
    struct ntxent_result c = run(&r, 0.5, pool[1], &err);
    NEAR(c.loss, c.baseline, 1e-6, "collapsed: the loss is the baseline");
    NEAR(c.accuracy, 1.0 / 64, 1e-12, "collapsed: accuracy is chance, not one");
    NEAR(c.entropy, log(64), 1e-6, "collapsed: entropy of all pictures alike");
    NEAR(c.alignment, 0, 1e-12, "collapsed: alignment 0");
    NEAR(c.uniformity, 0, 1e-6, "collapsed: uniformity 0");
    NEAR(c.std, 0, 1e-12, "collapsed: no deviation");
    release(&r);

    r = draw(64, 2, 8, 1);
    for (double t = 1e-6; t < 2e6; t *= 1000) {
        c = run(&r, t, pool[1], &err);
        int finite = isfinite(c.loss) && isfinite(c.entropy);
        for (int i = 0; i < r.m * r.p; i++)
            finite = finite && isfinite(r.grad[i]);
        OK(finite && err.status == ERR_NONE, "T %g: all is finite (loss %g)", t, c.loss);
    }
    r.z[9] = NAN;
    run(&r, 0.5, NULL, &err);
    OK(err.status == ERR_FAILED && strstr(err.text, "NaN") != NULL, "%s", err.text);
    release(&r);

    static float z[6] = {1, 2, 3, 4, 5, 6}, grad[6];
    static int64_t alone[] = {7, 8, 7}, single[] = {7, 7, 7}, view[] = {0, 0, 1};
    struct rows bad = {3, 2, z, grad, alone, view};
    err = (struct err){0};
    run(&bad, 0.5, NULL, &err);
    OK(err.status == ERR_INPUT && strstr(err.text, "picture 8") != NULL, "%s", err.text);
    bad.id = single;
    err = (struct err){0};
    run(&bad, 0.5, NULL, &err);
    OK(err.status == ERR_INPUT && strstr(err.text, "no negatives") != NULL, "%s", err.text);
}

/* Floors of the table: N, T, three digits. */
static void floors(void)
{
    static const double table[][3] = {
        {32, 0.1, 0.002}, {32, 0.5, 2.182}, {64, 1, 3.842}, {256, 0.2, 1.475}, {512, 0.5, 4.933}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct err err = {0};
        struct rows r = draw((int)table[i][0], 2, 4, 0);
        const struct ntxent_result c = run(&r, table[i][1], NULL, &err);
        NEAR(c.floor, table[i][2], 5e-4, "floor of %g pictures at T %g", table[i][0], table[i][1]);
        NEAR(c.baseline, log(2 * table[i][0] - 1), 1e-12, "baseline of %g pictures", table[i][0]);
        release(&r);
    }
}

/* 2N = 16384, P = 128: four copies of 8 MiB, not a matrix of 1 GiB. */
static void memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("memory is not measured under a sanitizer");
#else
    struct err err = {0};
    struct rusage usage;
    struct rows r = draw(8192, 2, 128, 0.5);
    const struct ntxent_result c = run(&r, 0.5, pool[1], &err);
    getrusage(RUSAGE_SELF, &usage);
    OK(isfinite(c.loss) && usage.ru_maxrss < 100 * 1024, "16384 rows: %ld KiB are below 100 MiB",
        usage.ru_maxrss);
    release(&r);
#endif
}

/* Both ways through the same rows; the second step of 4200 rows keeps its tiles: the same bits. */
static void ways(void)
{
    static const int pictures[] = {300, 2100, 2500};
    for (int i = 0; i < 3; i++) {
        struct err err = {0};
        struct rows one = draw(pictures[i], 2, 40, 0.7), two = draw(pictures[i], 2, 40, 0.7);
        const size_t size = (size_t)one.m * (size_t)one.p;
        double *const want = malloc(size * sizeof *want);
        portable = false;
        const struct ntxent_result a = run(&one, 0.3, pool[1], &err);
        steps = 2;
        const struct ntxent_result again = run(&two, 0.3, pool[2], &err);
        steps = 1;
        OK(memcmp(&a, &again, sizeof a) == 0, "%d rows: a second step has the same result", one.m);
        OK(memcmp(one.grad, two.grad, size * sizeof *one.grad) == 0,
            "%d rows: a second step has the same gradient", one.m);
        portable = true;
        const struct ntxent_result b = run(&two, 0.3, pool[1], &err);
        for (size_t j = 0; j < size; j++)
            want[j] = two.grad[j];
        NEAR(a.loss, b.loss, 1e-7 * b.loss, "%d rows: the loss of both ways", one.m);
        NEAR(a.entropy, b.entropy, 1e-6 * b.entropy, "%d rows: the entropy of both ways", one.m);
        NEAR(a.uniformity, b.uniformity, 1e-6, "%d rows: the uniformity of both ways", one.m);
        NEAR(a.accuracy, b.accuracy, 1e-12, "%d rows: the accuracy of both ways", one.m);
        NEAR(tap_error(one.grad, want, size), 0, 1e-6, "%d rows: the gradient of both ways", one.m);
        free(want);
        release(&one);
        release(&two);
    }
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS is sound");
    for (int i = 0; i < 3; i++)
        pool[i] = parallel_new(i + 1, &err);
    for (int way = 0; way < 2; way++) {
        portable = way == 1;
        printf("# %s\n", portable ? "the portable way" : "kernels for this CPU, if there are");
        goldens();
        by_hand();
        finite_differences(2, 0.5);
        finite_differences(3, 0.1);
        bits();
        extremes();
        floors();
        memory();
    }
    ways();
    for (int i = 0; i < 3; i++)
        parallel_free(pool[i]);
    return tap_done();
}
