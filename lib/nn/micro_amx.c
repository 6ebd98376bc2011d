/* micro_amx -- products of bf16 chunks by the tiles of AMX.
 *
 * Eight tiles of 16 rows of 64 bytes: 0 to 3 are sums, 4 and 5 rows of a, 6 and 7 panels of b.
 * Rounding to bf16 is that of micro_bf16: every CPU with tiles has AVX512_BF16.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/micro.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define AMX __attribute__((target("amx-tile,amx-bf16")))

enum { TILE_ROWS = 16, TILE_BYTES = 64, TILES = 8 };
enum { B_STRIDE = MICRO_PANEL * 4, SUM_STRIDE = MICRO_COLUMNS * 4 }; /* bytes between rows */

/* What LDTILECFG reads (Intel SDM volume 2). */
struct configuration {
    uint8_t palette, start_row, zero[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

AMX static unsigned begin(void)
{
    struct configuration tiles;
    memset(&tiles, 0, sizeof tiles);
    tiles.palette = 1;
    for (int i = 0; i < TILES; i++) {
        tiles.row_bytes[i] = TILE_BYTES;
        tiles.rows[i] = TILE_ROWS;
    }
    __asm__ volatile("" ::"r"(&tiles)
                     : "memory"); /* some compilers' _tile_loadconfig reads nothing */
    _tile_loadconfig(&tiles);
    return 0;
}

AMX static void end(unsigned state)
{
    (void)state;
    _mm_sfence(); /* what was streamed is there for the other threads */
    _tile_release();
}

static float *tile_of(float *sum, int row, int column)
{
    return sum + (ptrdiff_t)row * MICRO_STRIP * MICRO_COLUMNS + (ptrdiff_t)column * MICRO_PANEL;
}

/* One panel of b: two tiles of sums. */
AMX static void product_narrow(float *restrict sum, const uint16_t *a0, const uint16_t *a1,
    size_t step, const ptrdiff_t *offset, const uint16_t *b, int chunks, bool add)
{
    if (add) {
        _tile_loadd(0, tile_of(sum, 0, 0), SUM_STRIDE);
        _tile_loadd(2, tile_of(sum, 1, 0), SUM_STRIDE);
    } else {
        _tile_zero(0);
        _tile_zero(2);
    }
    for (int j = 0; j < chunks; j++, b += MICRO_B) {
        _tile_loadd(6, b, B_STRIDE);
        _tile_loadd(4, a0 + offset[j], step);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, a1 + offset[j], step);
        _tile_dpbf16ps(2, 5, 6);
    }
    _tile_stored(0, tile_of(sum, 0, 0), SUM_STRIDE);
    _tile_stored(2, tile_of(sum, 1, 0), SUM_STRIDE);
}

AMX static void product_wide(float *restrict sum, const uint16_t *a0, const uint16_t *a1,
    size_t step, const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks,
    bool add)
{
    if (add) {
        _tile_loadd(0, tile_of(sum, 0, 0), SUM_STRIDE);
        _tile_loadd(1, tile_of(sum, 0, 1), SUM_STRIDE);
        _tile_loadd(2, tile_of(sum, 1, 0), SUM_STRIDE);
        _tile_loadd(3, tile_of(sum, 1, 1), SUM_STRIDE);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int j = 0; j < chunks; j++, b0 += MICRO_B, b1 += MICRO_B) {
        _tile_loadd(4, a0 + offset[j], step);
        _tile_loadd(6, b0, B_STRIDE);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, b1, B_STRIDE);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, a1 + offset[j], step);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, tile_of(sum, 0, 0), SUM_STRIDE);
    _tile_stored(1, tile_of(sum, 0, 1), SUM_STRIDE);
    _tile_stored(2, tile_of(sum, 1, 0), SUM_STRIDE);
    _tile_stored(3, tile_of(sum, 1, 1), SUM_STRIDE);
}

/* Tiles are loaded and stored behind the compiler's back: nothing may be kept in registers across. */
static void product(float *restrict sum, const uint16_t *a0, const uint16_t *a1, size_t step,
    const ptrdiff_t *offset, const uint16_t *b0, const uint16_t *b1, int chunks, bool add)
{
    __asm__ volatile("" ::: "memory");
    if (b1 == NULL)
        product_narrow(sum, a0, a1, 2 * step, offset, b0, chunks, add);
    else
        product_wide(sum, a0, a1, 2 * step, offset, b0, b1, chunks, add);
    __asm__ volatile("" ::: "memory");
}

static void store(uint16_t *restrict out, const float *restrict sum, const int *restrict place,
    size_t stride, int columns)
{
    micro_bf16.store(out, sum, place, stride, columns); /* whoever has tiles has AVX512_BF16 */
}

static void stream(uint16_t *restrict out, const float *restrict sum, const int *restrict place,
    size_t stride, int columns)
{
    micro_bf16.stream(out, sum, place, stride, columns);
}

const struct micro micro_amx = {"AMX", begin, end, product, store, stream};
#endif
