/* rotate -- planes turned around their centre.
 * SPDX-License-Identifier: MIT */
#include "lib/image/rotate.h"

#include "lib/base/cpu.h"

#include <math.h>
#include <string.h>

enum { BORDER = 3 }; /* one pixel before, two after: points are held within [-1, X] */

void rotate_layout(struct rotate *scratch, struct arena *arena, int y, int x)
{
    const size_t padded = ((size_t)y + BORDER) * ((size_t)x + BORDER);
    scratch->plane = arena_take(arena, padded, sizeof *scratch->plane);
    scratch->index = arena_take(arena, (size_t)x, sizeof *scratch->index);
    scratch->across = arena_take(arena, (size_t)x, sizeof *scratch->across);
    scratch->downward = arena_take(arena, (size_t)x, sizeof *scratch->downward);
}

/* Cosine and sine, exact at multiples of 90 degrees. */
static void turn(double *cosine, double *sine, double degrees)
{
    const double quarters = fmod(degrees, 360) / 90, nearest = nearbyint(quarters);
    const double rest = (quarters - nearest) * 1.5707963267948966;
    const double c = cos(rest), s = sin(rest);
    switch (((int)nearest + 4) % 4) {
    case 0:
        *cosine = c, *sine = s;
        return;
    case 1:
        *cosine = -s, *sine = c;
        return;
    case 2:
        *cosine = -c, *sine = -s;
        return;
    default:
        *cosine = s, *sine = -c;
        return;
    }
}

static inline float within(float x, float low, float high)
{
    const float most = x < high ? x : high;
    return most > low ? most : low;
}

/* Where the samples of one row come from: the corner in the bordered plane, and the shares of the
 * pixels to the right of it and below. The first is at (u,v), each next one (du,dv) further. */
CPU_CLONES static void aim(int *restrict index, float *restrict across, float *restrict downward,
    float u, float v, float du, float dv, int y, int x)
{
    for (int i = 0; i < x; i++) {
        const float px = within(u + (float)i * du, -1.0f, (float)x) + 1.0f;
        const float py = within(v + (float)i * dv, -1.0f, (float)y) + 1.0f;
        const int ix = (int)px, iy = (int)py;
        index[i] = iy * (x + BORDER) + ix;
        across[i] = px - (float)ix;
        downward[i] = py - (float)iy;
    }
}

CPU_CLONES static void sample(float *restrict out, const float *restrict in,
    const int *restrict index, const float *restrict across, const float *restrict downward,
    int pitch, int x)
{
    for (int i = 0; i < x; i++) {
        const float *const p = in + index[i];
        const float above = p[0] + (p[1] - p[0]) * across[i];
        const float below = p[pitch] + (p[pitch + 1] - p[pitch]) * across[i];
        out[i] = above + (below - above) * downward[i];
    }
}

/* A plane with its black border, to scratch. */
static void pad(const struct rotate *scratch, const float *plane, int y, int x)
{
    const size_t pitch = (size_t)x + BORDER;
    memset(scratch->plane, 0, ((size_t)y + BORDER) * pitch * sizeof *plane);
    for (int j = 0; j < y; j++)
        memcpy(scratch->plane + ((size_t)j + 1) * pitch + 1, plane + (size_t)j * x,
            (size_t)x * sizeof *plane);
}

void rotate_planes(
    float *planes, int channels, int y, int x, double degrees, const struct rotate *scratch)
{
    double c, s;
    turn(&c, &s, degrees);
    const double cx = 0.5 * (x - 1), cy = 0.5 * (y - 1);
    for (int k = 0; k < channels; k++) {
        float *const plane = planes + (size_t)k * y * x;
        pad(scratch, plane, y, x);
        for (int j = 0; j < y; j++) { /* the sample at (-cx, j - cy) comes from that, turned back */
            const double u = -cx * c - (j - cy) * s + cx, v = -cx * s + (j - cy) * c + cy;
            aim(scratch->index, scratch->across, scratch->downward, (float)u, (float)v, (float)c,
                (float)s, y, x);
            sample(plane + (size_t)j * x, scratch->plane, scratch->index, scratch->across,
                scratch->downward, x + BORDER, x);
        }
    }
}
