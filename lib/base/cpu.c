/* cpu -- CPUID, the registers that the operating system saves, and its leave to use tiles.
 * SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* syscall() */
#include "lib/base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Source: Intel SDM volume 1, sections 13.2, 13.3 (XCR0), 18.2 (AMX); volume 2, CPUID leaf 7. */
enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xE6, XCR0_TILES = 0x60000 };
enum {
    LEAF1_ECX_FMA = 1 << 12,
    LEAF1_ECX_OSXSAVE = 1 << 27,
    LEAF7_EBX_AVX2 = 1 << 5,
    LEAF7_1_EAX_BF16 = 1 << 5
};
static const unsigned leaf7_ebx_avx512 = 1U << 16 | 1U << 17 | 1U << 30 | 1U << 31; /* F DQ BW VL */
enum { LEAF7_EDX_AMX = 1 << 22 | 1 << 24 };                                         /* BF16, TILE */

static uint64_t saved_registers(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

/* Linux hands out the 8 KiB of tile registers only to processes that ask: arch_prctl(2). */
static int ask_for_tiles(void)
{
#if defined(__linux__)
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
#else
    return 0;
#endif
}

static int find_level(void)
{
    uint32_t a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & LEAF1_ECX_OSXSAVE) || !(c & LEAF1_ECX_FMA))
        return CPU_BASELINE;
    const uint64_t saved = saved_registers();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & LEAF7_EBX_AVX2) ||
        (saved & XCR0_AVX) != XCR0_AVX)
        return CPU_BASELINE;
    if ((b & leaf7_ebx_avx512) != leaf7_ebx_avx512 || (saved & XCR0_AVX512) != XCR0_AVX512)
        return CPU_AVX2;
    const uint32_t leaf7_edx = d;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & LEAF7_1_EAX_BF16))
        return CPU_AVX512;
    if ((leaf7_edx & LEAF7_EDX_AMX) != LEAF7_EDX_AMX || (saved & XCR0_TILES) != XCR0_TILES ||
        CPU_MOST < CPU_AMX || !ask_for_tiles())
        return CPU_BF16;
    return CPU_AMX;
}
#else
static int find_level(void)
{
    return CPU_BASELINE;
}
#endif

int cpu_level(void)
{
    const int level = find_level();
    return level < CPU_MOST ? level : CPU_MOST;
}

const char *cpu_name(int level)
{
    static const char *const name[] = {"baseline", "AVX2", "AVX-512", "AVX512_BF16", "AMX"};
    return name[level];
}
