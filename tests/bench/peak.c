/* peak -- how many operations a second this machine does at most: in f32 fused multiply-adds in
 * registers, by the widest vectors it has; in bf16, where it has AVX512_BF16, products of pairs in
 * registers, and where it has AMX, products of tiles that are loaded from the first cache, four loads
 * for four products, as a matrix product does.
 *
 *     peak [THREADS]     prints "INSTRUCTIONS ONE ALL", in GFLOP/s: of one thread, of all together;
 *                        a line for f32, and one more for each kind of bf16
 *
 * A multiply-add counts as two. Time is the processor time of each thread, best of some rounds, so
 * that other work on the machine disturbs little; `ALL` is measured with all threads running, as
 * clocks and shared cores then are.
 * SPDX-License-Identifier: MIT */
#include "lib/base/cpu.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { CHAINS = 12, TURNS = 4000000, ROUNDS = 7, MOST = 1024 }; /* latency 4 or 5, two a cycle */

/* Each kernel returns the operations that it has done, and a number so that it does them. */
typedef double kernel(float *sum);

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double fma_avx2(float *sum)
{
    __m256 chain[CHAINS];
    const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++)
        chain[i] = _mm256_set1_ps((float)i);
    for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = _mm256_fmadd_ps(chain[i], a, b);
    for (int i = 1; i < CHAINS; i++)
        chain[0] = _mm256_add_ps(chain[0], chain[i]);
    *sum = _mm256_cvtss_f32(chain[0]);
    return 2.0 * 8 * CHAINS * TURNS;
}

__attribute__((target("avx512f"))) static double fma_avx512(float *sum)
{
    __m512 chain[CHAINS];
    const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++)
        chain[i] = _mm512_set1_ps((float)i);
    for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = _mm512_fmadd_ps(chain[i], a, b);
    for (int i = 1; i < CHAINS; i++)
        chain[0] = _mm512_add_ps(chain[0], chain[i]);
    *sum = _mm512_cvtss_f32(chain[0]);
    return 2.0 * 16 * CHAINS * TURNS;
}

__attribute__((target("avx512f,avx512bf16"))) static double pairs(float *sum)
{
    __m512 chain[CHAINS];
    __m512i a = _mm512_set1_epi32(0x3C003C00);
    for (int i = 0; i < CHAINS; i++)
        chain[i] = _mm512_set1_ps((float)i);
    for (int turn = 0; turn < TURNS; turn++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = _mm512_dpbf16_ps(chain[i], (__m512bh)a, (__m512bh)a);
        __asm__ volatile("" : "+v"(a)); /* or the product would be made once */
    }
    for (int i = 1; i < CHAINS; i++)
        chain[0] = _mm512_add_ps(chain[0], chain[i]);
    *sum = _mm512_cvtss_f32(chain[0]);
    return 2.0 * 32 * CHAINS * TURNS;
}

/* Source: Intel SDM volume 1, section 18.3: the 64 bytes that LDTILECFG reads. */
struct tile_config {
    uint8_t palette, start, reserved[14];
    uint16_t bytes[16]; /* of a row of each tile */
    uint8_t rows[16];
};

__attribute__((target("amx-tile,amx-bf16"))) static double tiles(float *sum)
{
    static const struct tile_config config = {
        1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    uint16_t operand[4][16 * 32]; /* numbers of either sign: with zeros clocks stay higher */
    uint32_t seed = 1;
    for (int i = 0; i < 4 * 16 * 32; i++) {
        seed = seed * 1664525U + 1013904223U;
        operand[i / 512][i % 512] = (uint16_t)((seed >> 16 & 0x80FFU) | 0x3C00U);
    }
    _tile_loadconfig(&config);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int turn = 0; turn < TURNS; turn++) {
        _tile_loadd(4, operand[0], 64);
        _tile_loadd(6, operand[2], 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, operand[3], 64);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, operand[1], 64);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    float out[16 * 16];
    _tile_stored(0, out, 64);
    *sum = out[0];
    _tile_release();
    return 2.0 * 4 * 16 * 16 * 32 * TURNS;
}
#endif

/* Multiply and add apart, in vectors of four: what every CPU this is built for has. */
static double plain(float *sum)
{
    typedef float vector __attribute__((vector_size(16)));
    vector chain[CHAINS];
    const vector a = {0.999f, 0.999f, 0.999f, 0.999f}, b = {0.001f, 0.001f, 0.001f, 0.001f};
    for (int i = 0; i < CHAINS; i++)
        chain[i] = a * (float)i;
    for (int turn = 0; turn < TURNS; turn++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chain[i] = chain[i] * a + b;
    for (int i = 1; i < CHAINS; i++)
        chain[0] += chain[i];
    *sum = chain[0][0];
    return 2.0 * 4 * CHAINS * TURNS;
}

struct job {
    kernel *run;
    pthread_barrier_t *start;
    double best; /* GFLOP/s */
    float sum;   /* so that nothing is optimised away */
};

static double thread_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *work(void *context)
{
    struct job *const job = context;
    pthread_barrier_wait(job->start);
    for (int round = 0; round < ROUNDS; round++) {
        const double start = thread_time();
        const double operations = job->run(&job->sum);
        const double rate = 1e-9 * operations / (thread_time() - start);
        job->best = rate > job->best ? rate : job->best;
    }
    return NULL;
}

/* The rates of all threads together. */
static double measure(kernel *run, int threads)
{
    static pthread_t thread[MOST];
    static struct job job[MOST];
    pthread_barrier_t start;
    double sum = 0;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        job[i] = (struct job){.run = run, .start = &start};
        if (pthread_create(&thread[i], NULL, work, &job[i]) != 0) {
            fprintf(stderr, "peak: cannot start a thread\n");
            exit(1);
        }
    }
    for (int i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
        sum += job[i].best;
    }
    pthread_barrier_destroy(&start);
    return sum;
}

static void print(const char *name, kernel *run, int threads)
{
    const double one = measure(run, 1);
    printf("%s %.1f %.1f\n", name, one, measure(run, threads));
}

int main(int argc, char **argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    kernel *run = plain;
    const char *name = "plain";
    if (threads < 1 || threads > MOST) {
        fprintf(stderr, "peak: THREADS is 1 to %d\n", MOST);
        return 2;
    }
#if defined(__x86_64__)
    if (cpu_level() >= CPU_AVX512) {
        run = fma_avx512;
        name = "AVX-512";
    } else if (cpu_level() >= CPU_AVX2) {
        run = fma_avx2;
        name = "AVX2+FMA";
    }
#endif
    print(name, run, threads);
#if defined(__x86_64__)
    if (cpu_level() >= CPU_BF16)
        print("AVX512_BF16", pairs, threads);
    if (cpu_level() >= CPU_AMX)
        print("AMX", tiles, threads);
#endif
    return 0;
}
