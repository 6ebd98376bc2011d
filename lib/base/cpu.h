/* cpu.h -- compiling one plain C loop for several instruction sets.
 *
 * CPU_CLONES before a function makes the compiler build it for AVX2 and for the baseline; the right
 * one is chosen when the program is loaded. Both give the same bits: the build forbids contraction
 * into fused multiply-adds and reassociation. Nothing is cloned under a sanitizer, whose run-time
 * is not up yet when the choice is made.
 * SPDX-License-Identifier: MIT */
#ifndef CPU_H
#define CPU_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(CPU_BASELINE)
#define CPU_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CPU_CLONES
#endif

#endif
