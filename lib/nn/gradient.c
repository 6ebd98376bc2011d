/* gradient -- products of the transposed image with dy.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/gradient.h"

#include "lib/base/arena.h"
#include "lib/nn/operand.h"

#include <string.h>

enum { WIDTH = MICRO_CHUNK, SLICE = 4 }; /* positions of a strip; panels of 32 filters */
enum {
    KEPT_BYTES = 1792 << 10,
    HOT_BYTES = 1536 << 10,
    IMAGE_BYTES = 8 << 20,
    MOST_PICTURES = 256,
    MOST_UNITS = 2048
};

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

static int at_most(int count, int most)
{
    return count < most ? count : most;
}

/* Units of a block: a power of two, so that dy of a slice and 32 rows of x stay in L2. */
static int block_of(const struct gradient *gradient, const struct geometry_shape *p)
{
    struct geometry g;
    geometry_init(&g, p, 1, WIDTH);
    const size_t positions = geometry_length(&g, 1, 0);
    const int filters = gradient->k < SLICE * MICRO_COLUMNS ? gradient->k : SLICE * MICRO_COLUMNS;
    const size_t hot =
        ((size_t)(p->y * p->x) * (size_t)filters + positions * MICRO_ROWS) * sizeof(uint16_t);
    const size_t image =
        positions * (size_t)(g.phases * gradient->groups * MICRO_STRIP) * sizeof(uint16_t);
    const int most = gradient->direct ? MOST_UNITS : MOST_PICTURES;
    size_t block = 1;
    while (2 * block <= (size_t)most && 2 * block * hot <= HOT_BYTES &&
           2 * block * image <= IMAGE_BYTES)
        block *= 2;
    return (int)block;
}

void gradient_init(struct gradient *gradient, const struct conv2d_shape *conv)
{
    struct geometry_shape shape;
    *gradient =
        (struct gradient){.c = conv->c, .k = conv->k, .taps = conv->r * conv->s, .units = 1};
    geometry_forward(&shape, conv->h, conv->w, conv->r, conv->s, conv->stride, conv->pad);
    geometry_init(&gradient->g, &shape, 1, WIDTH);
    if (geometry_plain(&gradient->g)) {
        gradient->direct = true;
        gradient->units = conv->h * conv->w;
        geometry_forward(&shape, 1, 1, 1, 1, 1, 0);
    }
    if (gradient->direct && conv->c > conv->k) { /* interleaving costs less than transposing */
        gradient->swapped = true;
        gradient->c = conv->k;
        gradient->k = conv->c;
    }
    gradient->groups = divide_up(gradient->c, MICRO_STRIP);
    gradient->panels = divide_up(gradient->k, MICRO_COLUMNS);
    gradient->block = block_of(gradient, &shape);
    geometry_init(&gradient->g, &shape, gradient->block, WIDTH);
    gradient->strips = geometry_strips(&gradient->g, gradient->block, WIDTH, NULL, NULL);
    gradient->slices = divide_up(gradient->panels, SLICE);
    gradient->pairs = divide_up(gradient->taps * gradient->groups, 2);
    /* An odd number of lines between rows: 32 of them meet in no set of L1. */
    const int lines = divide_up((int)geometry_length(&gradient->g, gradient->block, WIDTH), 32);
    gradient->length = (lines | 1) * 32;
}

size_t gradient_bytes(const struct gradient *gradient)
{
    return (size_t)gradient->pairs * (size_t)gradient->panels * MICRO_SUM * sizeof(float);
}

struct room {
    uint16_t *image;        /* [phases][groups * 16][length] */
    uint16_t *dy;           /* [2 * SLICE][strips][MICRO_B] */
    uint16_t *zeros;        /* [most of c and k] */
    const uint16_t **pixel; /* [length]: where the channels of a position come from */
    int *start, *place;
    ptrdiff_t *offset; /* [strips] */
};

static struct room room_of(const struct gradient *gradient, struct arena *arena)
{
    const size_t length = (size_t)gradient->length, phases = (size_t)gradient->g.phases;
    const size_t strips = (size_t)gradient->strips;
    const size_t channels = (size_t)(gradient->groups * MICRO_STRIP);
    const size_t filters = (size_t)(gradient->panels * MICRO_COLUMNS);
    struct room room;
    room.image = arena_take(arena, phases * channels * length, sizeof *room.image);
    room.dy = arena_take(arena, 2 * SLICE * strips * MICRO_B, sizeof *room.dy);
    room.zeros = arena_take(arena, channels > filters ? channels : filters, sizeof *room.zeros);
    room.pixel = arena_take(arena, length, sizeof *room.pixel);
    room.start = arena_take(arena, strips, sizeof *room.start);
    room.place = arena_take(arena, strips * WIDTH, sizeof *room.place);
    room.offset = arena_take(arena, strips, sizeof *room.offset);
    return room;
}

size_t gradient_scratch(const struct gradient *gradient)
{
    struct arena arena = {0};
    room_of(gradient, &arena);
    return arena.used;
}

/* ---- operands ------------------------------------------------------------------------------- */

/* Where the pixels of one phase lie; n units. */
static void find_pixels(
    const struct gradient *gradient, const struct room *room, const uint16_t *x, int phase, int n)
{
    const struct geometry *const g = &gradient->g;
    const size_t c = (size_t)gradient->c, length = geometry_length(g, n, WIDTH);
    const size_t picture = (size_t)g->shape.h * (size_t)g->shape.w * c;
    if (gradient->direct) {
        for (size_t q = 0; q < length; q++)
            room->pixel[q] = q < (size_t)n ? x + q * c : room->zeros;
        return;
    }
    for (size_t q = 0; q < length; q++)
        room->pixel[q] = room->zeros;
    const uint16_t **row = room->pixel;
    for (int first = 0; first < n; first += g->group)
        for (int u = 0; u < g->rows; u++, row += (ptrdiff_t)g->pitch * g->group) {
            const struct geometry_span span = geometry_row(g, phase, u);
            if (span.h < 0)
                continue;
            const uint16_t *from = x + (size_t)first * picture +
                                   ((size_t)span.h * (size_t)g->shape.w + (size_t)span.w) * c;
            for (int v = span.first; v < span.last; v++, from += (size_t)g->shape.stride * c)
                for (int i = 0; i < g->group && first + i < n; i++)
                    row[v * g->group + i] = from + (size_t)i * picture;
        }
}

static void make_image(
    const struct gradient *gradient, const struct room *room, const uint16_t *x, int n)
{
    const size_t length = (size_t)gradient->length;
    const size_t phase_size = (size_t)(gradient->groups * MICRO_STRIP) * length;
    for (int phase = 0; phase < gradient->g.phases; phase++) {
        find_pixels(gradient, room, x, phase, n);
        operand_transpose(room->image + (size_t)phase * phase_size, length, room->pixel,
            geometry_length(&gradient->g, n, WIDTH), gradient->c);
    }
}

/* Where the strips of n units lie: geometry_strips(), at once where each pixel is a picture. */
static int find_strips(const struct gradient *gradient, const struct room *room, int n)
{
    const int strips = gradient->direct
                           ? divide_up(n, WIDTH)
                           : geometry_strips(&gradient->g, n, WIDTH, room->start, room->place);
    for (int i = 0; i < strips; i++)
        room->offset[i] = gradient->direct ? i * WIDTH : room->start[i];
    for (int q = 0; gradient->direct && q < strips * WIDTH; q++)
        room->place[q] = q < n ? q : -1;
    return strips;
}

/* dy of 32 * SLICE filters from `first` on: [panels of 16][strips][16 pairs][16][2]. */
static void pack_dy(const struct gradient *gradient, const struct room *room, const uint16_t *dy,
    int strips, int first)
{
    const int k = gradient->k;
    const int end = k - first < SLICE * MICRO_COLUMNS ? k : first + SLICE * MICRO_COLUMNS;
    for (int q = 0; q < strips * WIDTH; q += 2) {
        const int *const place = room->place + q;
        const uint16_t *pixel[2];
        for (int i = 0; i < 2; i++) {
            const int ahead = q + WIDTH + i < strips * WIDTH ? place[WIDTH + i] : -1;
            if (ahead >= 0)
                operand_fetch(dy + (size_t)ahead * (size_t)k + first, end - first);
            pixel[i] = place[i] < 0 ? room->zeros : dy + (size_t)place[i] * (size_t)k + first;
        }
        operand_interleave(room->dy + (size_t)q * MICRO_PANEL, (size_t)strips * MICRO_B, pixel[0],
            pixel[1], end - first);
    }
}

/* ---- running -------------------------------------------------------------------------------- */

/* Channel 16 * group of a tap: tiles go through the taps of one group, then the next. */
static const uint16_t *tile_at(const struct gradient *gradient, const uint16_t *image, int tile)
{
    const int tap = tile % gradient->taps, group = tile / gradient->taps;
    const int i = tap / gradient->g.shape.s, j = tap % gradient->g.shape.s;
    const int row = geometry_phase(&gradient->g, i, j) * gradient->groups + group;
    return image + (size_t)row * MICRO_STRIP * (size_t)gradient->length +
           geometry_tap(&gradient->g, i, j);
}

/* A pair of tiles with one panel, the `in_slice`-th of its slice. */
static void multiply(const struct gradient *gradient, const struct micro *micro,
    const struct room *room, float *sums, int strips, int pair, int panel, int in_slice)
{
    const size_t b_size = (size_t)strips * MICRO_B;
    const bool alone = 2 * pair + 1 >= gradient->taps * gradient->groups;
    const uint16_t *const a0 = tile_at(gradient, room->image, 2 * pair);
    const uint16_t *const a1 = alone ? a0 : tile_at(gradient, room->image, 2 * pair + 1);
    const uint16_t *const b = room->dy + (size_t)in_slice * 2 * b_size;
    const bool wide = panel * MICRO_COLUMNS + MICRO_PANEL < gradient->k;
    micro->product(sums + (size_t)(pair * gradient->panels + panel) * MICRO_SUM, a0, a1,
        (size_t)gradient->length, room->offset, b, wide ? b + b_size : NULL, strips, false);
}

/* What is read again and again stays in L2: the image with one panel, or, if it is larger than that, one pair
 * of its tiles with all panels of the slice. */
static void multiply_slice(const struct gradient *gradient, const struct micro *micro,
    const struct room *room, float *sums, int strips, int first)
{
    const int panels = at_most(gradient->panels - first, SLICE), pairs = gradient->pairs;
    const size_t image = (size_t)(gradient->g.phases * gradient->groups * MICRO_STRIP) *
                         (size_t)gradient->length * sizeof(uint16_t);
    for (int i = 0; i < panels * pairs; i++) {
        const int panel = image <= KEPT_BYTES ? i / pairs : i % panels;
        const int pair = image <= KEPT_BYTES ? i % pairs : i / panels;
        multiply(gradient, micro, room, sums, strips, pair, first + panel, panel);
    }
}

void gradient_run(const struct gradient *gradient, const struct micro *micro, void *scratch,
    float *sums, const uint16_t *x, const uint16_t *dy, size_t first, int n, int job, int jobs)
{
    struct arena arena = {.base = scratch, .size = SIZE_MAX};
    const struct room room = room_of(gradient, &arena);
    const struct geometry_shape *const p = &gradient->g.shape;
    if (gradient->swapped) {
        const uint16_t *const other = x;
        x = dy;
        dy = other;
    }
    const size_t channels = (size_t)(gradient->groups * MICRO_STRIP);
    const size_t filters = (size_t)(gradient->panels * MICRO_COLUMNS);
    memset(room.zeros, 0, (channels > filters ? channels : filters) * sizeof *room.zeros);
    x += first * (size_t)p->h * (size_t)p->w * (size_t)gradient->c;
    dy += first * (size_t)p->y * (size_t)p->x * (size_t)gradient->k;
    const int strips = find_strips(gradient, &room, n);
    make_image(gradient, &room, x, n);
    const int end = gradient->slices * (job + 1) / jobs;
    for (int slice = gradient->slices * job / jobs; slice < end; slice++) {
        pack_dy(gradient, &room, dy, strips, slice * SLICE * MICRO_COLUMNS);
        multiply_slice(gradient, micro, &room, sums, strips, slice * SLICE);
    }
}

/* Runs of a set in dweight: from `first` on, `count` of `length` floats, `step` apart. */
struct runs {
    size_t first, step;
    int count, length;
};

/* Taps of a channel lie side by side, then channels; if swapped, filters stand in the columns. */
static struct runs runs_of(const struct gradient *gradient, int set, int panel)
{
    const int row = set * MICRO_ROWS, column = panel * MICRO_COLUMNS;
    const int rows = at_most(gradient->c - row, MICRO_ROWS);
    const int columns = at_most(gradient->k - column, MICRO_COLUMNS);
    const size_t c = (size_t)gradient->c, k = (size_t)gradient->k, taps = (size_t)gradient->taps;
    if (gradient->swapped)
        return (struct runs){(size_t)row * k + (size_t)column, k, rows, columns};
    return (struct runs){
        ((size_t)column * c + (size_t)row) * taps, c * taps, columns, rows * gradient->taps};
}

void gradient_fetch(const struct gradient *gradient, const float *dweight, int set, int panel)
{
    enum { LINE = 16 };
    const struct runs runs = runs_of(gradient, set, panel);
    for (int n = 0; n < runs.count; n++)
        for (int i = 0; i < runs.length; i += LINE)
            __builtin_prefetch(dweight + runs.first + (size_t)n * runs.step + i, 1, 2);
}

/* Four channels of four filters: to[n * step + c] += sums[c * MICRO_COLUMNS + n]. */
static void add_four(float *to, size_t step, const float *sums)
{
    typedef float lanes __attribute__((vector_size(16)));
    operand_row term[4];
    for (int i = 0; i < 4; i++)
        memcpy(&term[i], sums + (ptrdiff_t)i * MICRO_COLUMNS, sizeof term[i]);
    operand_turn(term);
    for (int i = 0; i < 4; i++, to += step) {
        lanes sum;
        memcpy(&sum, to, sizeof sum);
        sum += (lanes)term[i];
        memcpy(to, &sum, sizeof sum);
    }
}

void gradient_add(const struct gradient *gradient, float *dweight, const float *sums, size_t step,
    int set, int panel)
{
    const struct runs runs = runs_of(gradient, set, panel);
    const int taps = gradient->taps;
    float *const first = dweight + runs.first;
    if (taps == 1 && !gradient->swapped && runs.count % 4 == 0 && runs.length % 4 == 0) {
        for (int n = 0; n < runs.count; n += 4)
            for (int c = 0; c < runs.length; c += 4)
                add_four(first + (size_t)n * runs.step + c, runs.step,
                    sums + (ptrdiff_t)c * MICRO_COLUMNS + n);
        return;
    }
    for (int n = 0; n < runs.count; n++) {
        float *const to = first + (size_t)n * runs.step;
        if (gradient->swapped) {
            for (int i = 0; i < runs.length; i++)
                to[i] += sums[n * MICRO_COLUMNS + i];
            continue;
        }
        const int channels = runs.length / taps;
        for (int tile = 0; tile < taps * 2; tile++) {
            const int tap = tile % taps, c = tile / taps * MICRO_STRIP;
            const float *from = sums + (size_t)(tile / 2) * step + n;
            from += (ptrdiff_t)(tile % 2) * MICRO_STRIP * MICRO_COLUMNS;
            for (int i = 0; i < at_most(channels - c, MICRO_STRIP); i++)
                to[(c + i) * taps + tap] += from[(ptrdiff_t)i * MICRO_COLUMNS];
        }
    }
}
