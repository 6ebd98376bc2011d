/* tile -- maxima, sums and weights of a tile against plain loops in double.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/tile.h"

#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <string.h>

static struct tile tile;
static double x[TILE_EDGE][TILE_EDGE];
static int row_picture[TILE_EDGE], column_picture[2 * TILE_EDGE];
static float row_square[TILE_EDGE], column_square[2 * TILE_EDGE];
static float row_shift[TILE_EDGE], row_factor[TILE_EDGE];
static float column_shift[2 * TILE_EDGE], column_factor[2 * TILE_EDGE];

static double worst; /* relative error seen */

static void compare(double got, double want)
{
    const double scale = fabs(want) > 1e-30 ? fabs(want) : 1;
    const double error = fabs(got - want) / scale;
    if (!(error <= worst))
        worst = error;
}

static void fill(int rows, int columns, double spread, int diagonal)
{
    tile.rows = rows;
    tile.columns = columns;
    tile.stride = tile_stride(columns);
    for (int i = 0; i < rows; i++) {
        row_picture[i] = i;
        row_square[i] = 2;
        row_shift[i] = (float)(spread * (1 + 0.1 * noise(1, (uint32_t)i)));
        row_factor[i] = (float)(1 + 0.1 * noise(2, (uint32_t)i));
        for (int k = 0; k < columns; k++) {
            float *const at = &tile.x[i * tile.stride + k];
            *at = (float)(spread * noise(3, (uint32_t)(i * columns + k)));
            x[i][k] = *at;
        }
    }
    for (int k = 0; k < columns; k++) {
        column_picture[k] = diagonal ? k : (k * 7) % (columns + 5);
        column_square[k] = 1.5F;
        column_shift[k] = (float)(spread * (1 + 0.1 * noise(4, (uint32_t)k)));
        column_factor[k] = (float)(1 + 0.1 * noise(5, (uint32_t)k));
    }
}

/* One line of the tile: `max`, `sum`, `weighted` of the numbers x(j) that `take` admits. */
static void check_lines(int diagonal)
{
    worst = 0;
    for (int side = 0; side < 2; side++) {
        const int lines = side ? tile.columns : tile.rows, length = side ? tile.rows : tile.columns;
        for (int a = 0; a < lines; a++) {
            double max = TILE_NOTHING, sum = 0, weighted = 0;
            for (int b = 0; b < length; b++) {
                const int i = side ? b : a, k = side ? a : b;
                if (!(diagonal && i == k) && x[i][k] > max)
                    max = x[i][k];
            }
            for (int b = 0; b < length; b++) {
                const int i = side ? b : a, k = side ? a : b;
                if (row_picture[i] == column_picture[k])
                    continue;
                sum += exp(x[i][k] - max);
                weighted += exp(x[i][k] - max) * (x[i][k] - max);
            }
            compare((side ? tile.column_max : tile.row_max)[a], max);
            if (length > 1) { /* a line of one may hold nothing */
                compare((side ? tile.column_sum : tile.row_sum)[a], sum);
                compare((side ? tile.column_weighted : tile.row_weighted)[a], weighted);
            }
        }
    }
}

static void check(int rows, int columns, double spread, int diagonal)
{
    double uniform = 0;
    fill(rows, columns, spread, diagonal);
    tile_maxima(&tile, diagonal);
    const double got =
        tile_sums(&tile, row_picture, column_picture, 0.5F, row_square, column_square);
    check_lines(diagonal);
    NEAR(worst, 0, 2e-6, "%dx%d%s, logits to %g: maxima and sums", rows, columns,
        diagonal ? " against itself" : "", spread);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++)
            if (row_picture[i] != column_picture[k])
                uniform += exp(0.5 * x[i][k] - row_square[i] - column_square[k]);
    NEAR(got, uniform, 1e-6 * uniform, "%dx%d, logits to %g: uniformity", rows, columns, spread);

    fill(rows, columns, spread, diagonal);
    tile_weights(
        &tile, row_picture, column_picture, row_shift, row_factor, column_shift, column_factor);
    worst = 0;
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++) {
            const double by_row = exp(x[i][k] - row_shift[i]) * row_factor[i];
            const double by_column = exp(x[i][k] - column_shift[k]) * column_factor[k];
            compare(tile.x[i * tile.stride + k],
                row_picture[i] == column_picture[k] ? 0 : by_row + by_column);
        }
    NEAR(worst, 0, 5e-6, "%dx%d, logits to %g: weights", rows, columns, spread);
}

int main(void)
{
    OK(tile_stride(1) == 16 && tile_stride(16) == 16 && tile_stride(17) == 32,
        "strides are whole lanes");
    check(192, 192, 2, 0);
    check(192, 192, 2, 1);
    check(40, 33, 10, 0);
    check(33, 33, 20, 1);
    check(1, 16, 1, 0);
    check(7, 2, 5, 0);

    fill(1, 1, 1, 1);
    tile_maxima(&tile, 1);
    OK(tile.row_max[0] == TILE_NOTHING && tile.column_max[0] == TILE_NOTHING,
        "a row against itself alone has nothing");
    return tap_done();
}
