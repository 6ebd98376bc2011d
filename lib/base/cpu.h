/* cpu.h -- which instructions this CPU has, and compiling one plain C loop for several sets.
 *
 * CPU_CLONES before a function makes the compiler build it for AVX2 and for the baseline; the right
 * one is chosen when the program is loaded. Both give the same bits: the build forbids contraction
 * into fused multiply-adds and reassociation. Nothing is cloned under a sanitizer, whose run-time
 * is not up yet when the choice is made.
 *
 * Kernels written for one set (in files of their own) are chosen by cpu_level(). A build may lower
 * what it says: -DCPU_MOST=CPU_BASELINE makes every tool run as on a CPU without vectors of its own,
 * so that tests reach each path (make VARIANT=baseline check, VARIANT=avx2, VARIANT=avx512).
 * SPDX-License-Identifier: MIT */
#ifndef CPU_H
#define CPU_H

/* Each level has what those before it have. */
#define CPU_BASELINE 0 /* what the compiler assumes of any CPU: SSE2 on x86-64 */
#define CPU_AVX2     1 /* AVX2 and FMA */
#define CPU_AVX512   2 /* AVX-512 F, BW, DQ, VL */
#define CPU_BF16     3 /* AVX512_BF16: products of pairs of bf16 */
#define CPU_AMX      4 /* tiles of bf16, and the operating system lets this process use them */

/* Outputs of so many bytes, more than a core's own caches, are written past them: a line that is not
 * there need not be read before it is overwritten. */
#define CPU_STREAM_BYTES ((size_t)4 << 20)

#ifndef CPU_MOST
#define CPU_MOST CPU_AMX
#endif

/* The level of this CPU, CPU_MOST at most. The first call asks the operating system for tiles, which
 * holds for every thread; the answer is always the same. */
int cpu_level(void);
const char *cpu_name(int level); /* "baseline", "AVX2", "AVX-512", "AVX512_BF16", "AMX" */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && CPU_MOST >= CPU_AVX2
#define CPU_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CPU_CLONES
#endif

#endif
