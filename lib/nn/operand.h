/* operand.h -- bf16 maps in the order that matrix products over positions want (micro.h).
 * SPDX-License-Identifier: MIT */
#ifndef OPERAND_H
#define OPERAND_H

#include <stddef.h>
#include <stdint.h>

/* Ask for `count` numbers that will be read soon: to L2. The CPU's own prefetching stays too few lines
 * ahead of loops that do much with each. */
static inline void operand_fetch(const uint16_t *from, int count)
{
    for (int i = 0; i < count; i += 64 / (int)sizeof *from)
        __builtin_prefetch(from + i, 0, 2);
}

/* to [c][length]: column q < count is the c numbers at pixel[q]; columns from `count` on are left. */
void operand_transpose(
    uint16_t *to, size_t length, const uint16_t *const *pixel, size_t count, int c);

/* A pair of positions of a panel after the other: to [16][2], `panel` elements from one to the next, is
 * even[n], odd[n] for n < count; the last panel is filled up with zeros. */
void operand_interleave(
    uint16_t *to, size_t panel, const uint16_t *even, const uint16_t *odd, int count);

/* A 4 x 4 matrix, turned: row i gets what was column i. Two rounds that interleave halves. */
typedef uint32_t operand_row __attribute__((vector_size(16)));
static inline void operand_turn(operand_row a[4])
{
    for (int round = 0; round < 2; round++) {
        const operand_row b[4] = {a[0], a[1], a[2], a[3]};
        for (int i = 0; i < 2; i++) {
            a[2 * i] = __builtin_shufflevector(b[i], b[i + 2], 0, 4, 1, 5);
            a[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 2], 2, 6, 3, 7);
        }
    }
}

#endif
