/* gemm -- products against the plain twin: every transposition, odd shapes, leading dimensions,
 * long k; and the same bits for any number of threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/gemm.h"

#include "lib/base/rng.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static float *draw(const char *name, size_t n)
{
    float *const out = malloc(n * sizeof *out);
    struct rng rng = rng_key(1, 0, 0, 0, name);
    for (size_t i = 0; out != NULL && i < n; i++)
        out[i] = (float)rng_normal(&rng);
    return out;
}

struct shape {
    int m, n, k, slack; /* slack: leading dimensions are so much larger than they must be */
};

static double relative(const float *c, const float *twin, int m, int n, int ldc)
{
    double difference = 0, norm = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            const double want = twin[(size_t)i * (size_t)ldc + (size_t)j];
            const double got = c[(size_t)i * (size_t)ldc + (size_t)j];
            difference += (got - want) * (got - want);
            norm += want * want;
        }
    return sqrt(difference / (norm > 0 ? norm : 1));
}

/* One shape, one transposition, both betas; 1, 2 and 3 threads agree, and with the twin. */
static void check(struct parallel **pool, const struct shape *s, bool ta, bool tb)
{
    const int lda = (ta ? s->m : s->k) + s->slack, ldb = (tb ? s->k : s->n) + s->slack;
    const int ldc = s->n + s->slack;
    const size_t a_size = (size_t)(ta ? s->k : s->m) * (size_t)lda;
    const size_t b_size = (size_t)(tb ? s->n : s->k) * (size_t)ldb;
    const size_t c_size = (size_t)s->m * (size_t)ldc, c_bytes = c_size * sizeof(float);
    float *const a = draw("a", a_size), *const b = draw("b", b_size),
                 *const start = draw("c", c_size);
    float *const c = malloc(c_bytes), *const twin = malloc(c_bytes), *const one = malloc(c_bytes);
    for (int beta = 0; beta < 2; beta++) {
        memcpy(twin, start, c_bytes);
        gemm_naive(twin, a, b, s->m, s->n, s->k, ta, tb, 0.75F, (float)beta, ldc, lda, ldb);
        for (int threads = 0; threads < 3; threads++) {
            memcpy(c, start, c_bytes);
            for (size_t i = 0; beta == 0 && i < c_size; i++)
                if ((int)(i % (size_t)ldc) < s->n)
                    c[i] = NAN; /* overwritten means overwritten */
            gemm(pool[threads], c, a, b, s->m, s->n, s->k, ta, tb, 0.75F, (float)beta, ldc, lda,
                ldb);
            if (threads == 0)
                memcpy(one, c, c_bytes);
            OK(memcmp(one, c, c_bytes) == 0, "%dx%dx%d %d%d beta %d: bits of %d threads", s->m,
                s->n, s->k, ta, tb, beta, threads + 1);
        }
        NEAR(relative(one, twin, s->m, s->n, ldc), 0, 1e-6, "%dx%dx%d %d%d beta %d: as the twin",
            s->m, s->n, s->k, ta, tb, beta);
        bool untouched = true;
        for (size_t i = 0; i < c_size; i++)
            if ((int)(i % (size_t)ldc) >= s->n && one[i] != start[i])
                untouched = false;
        OK(untouched, "nothing beyond the rows of C is written");
    }
    free(a);
    free(b);
    free(start);
    free(c);
    free(twin);
    free(one);
}

int main(void)
{
    static const struct shape shapes[] = {{1, 1, 1, 0}, {3, 5, 2, 1}, {17, 33, 129, 3},
        {70, 130, 65, 0}, {300, 520, 40, 2}, {10, 64, 5000, 1}, {1, 1, 20000, 0},
        {128, 128, 4096, 0}};
    struct err err = {0};
    struct parallel *pool[3];
    OK(gemm_init(&err) == 0, "BLAS is sound: %s", err.text);
    OK(strstr(gemm_version(), "OpenBLAS") != NULL, "version names OpenBLAS: %s", gemm_version());
    for (int i = 0; i < 3; i++)
        pool[i] = parallel_new(i + 1, &err);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int way = 0; way < 4; way++)
            check(pool, &shapes[i], way & 1, way & 2);

    float c = 7;
    gemm(NULL, &c, NULL, NULL, 0, 1, 1, false, false, 1, 0, 1, 1, 1);
    OK(c == 7, "no rows: nothing is written");
    for (int i = 0; i < 3; i++)
        parallel_free(pool[i]);
    return tap_done();
}
