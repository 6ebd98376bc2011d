/* sweep -- the products of an image with packed weights.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/sweep.h"

#include "lib/base/arena.h"
#include "lib/base/cpu.h"
#include "lib/nn/operand.h"
#include "lib/nn/precision.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_TAPS = 9, AHEAD = 3 }; /* AHEAD: slices */
enum { IMAGE_BYTES = 512 << 10, MOST_PICTURES = 16 };
enum { FEW_CHUNKS = 16, MANY_STRIPS = 32, L1_PANELS = 40, L2_PANELS = 512 }; /* of 1 KiB */
enum { PLAIN_BYTES = 256 << 10, FEWEST_UNITS = 64, MOST_UNITS = 1024 };

static int divide_up(int a, int b)
{
    return (a + b - 1) / b;
}

/* Rows of a strip lie `step` apart: an odd number of lines, where they are long enough to meet in a
 * few sets of L1. */
static int step_of(int c)
{
    return c >= 128 && c % (2 * MICRO_CHUNK) == 0 ? c + MICRO_CHUNK : c;
}

/* A 1x1 filter reads whole chunks of the maps themselves, every pixel a picture of its own; if it does not
 * make every other pixel of dx. */
static bool reads_maps(const struct geometry *g, int c, const struct geometry_part *part)
{
    return geometry_plain(g) && c % MICRO_CHUNK == 0 && (part == NULL || part->stride == 1);
}

int sweep_block(const struct geometry_shape *shape, const struct geometry_part *part, int c)
{
    struct geometry g;
    geometry_init(&g, shape, 1, MICRO_STRIP);
    if (reads_maps(&g, c, part)) {
        const int units = PLAIN_BYTES / (2 * c) / MICRO_ROWS * MICRO_ROWS;
        return units < FEWEST_UNITS ? FEWEST_UNITS : units > MOST_UNITS ? MOST_UNITS : units;
    }
    const size_t picture = geometry_length(&g, 1, 0) * (size_t)(g.phases * step_of(c)) * 2;
    int block = 1;
    while (block < MOST_PICTURES && 2 * (size_t)block * picture <= IMAGE_BYTES)
        block *= 2;
    return block;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static void append(struct sweep *sweep, int i, int j, int from, int count)
{
    if (sweep->chunk != NULL)
        sweep->chunk[sweep->chunks] =
            (struct sweep_chunk){i, j, from, count < MICRO_CHUNK ? count : MICRO_CHUNK,
                geometry_phase(&sweep->g, i, j), geometry_tap(&sweep->g, i, j)};
    sweep->chunks++;
}

/* Taps of row i from j on that are neighbours in the image. */
static int neighbours(const struct sweep *sweep, int j)
{
    const struct geometry_shape *const p = &sweep->g.shape;
    const bool dense = sweep->g.group == 1 && sweep->step == sweep->c;
    return dense ? divide_up(p->s - j, p->stride) : 1;
}

static void list_chunks(struct sweep *sweep)
{
    const struct geometry_shape *const p = &sweep->g.shape;
    sweep->chunks = 0;
    if (sweep->c % MICRO_CHUNK == 0) {
        for (int from = 0; from < sweep->c; from += MICRO_CHUNK)
            for (int i = 0; i < p->r; i++)
                for (int j = 0; j < p->s; j++)
                    append(sweep, i, j, from, MICRO_CHUNK);
        return;
    }
    for (int i = 0; i < p->r; i++)
        for (int j = 0; j < p->s; j++) {
            if (neighbours(sweep, 0) > 1 && j >= p->stride)
                break; /* part of a run that has been listed */
            const int elements = neighbours(sweep, j) * sweep->c;
            for (int from = 0; from < elements; from += MICRO_CHUNK)
                append(sweep, i, j, from, elements - from);
        }
}

/* ---- layout --------------------------------------------------------------------------------- */

/* From pixels of the phase to pixels of dx. */
static void place_in_map(const struct sweep *sweep, int *place, int count)
{
    const int y = sweep->g.shape.y, x = sweep->g.shape.x, stride = sweep->part.stride;
    for (int i = 0; i < count; i++)
        if (place[i] >= 0) {
            const int n = place[i] / x / y, oy = place[i] / x % y, ox = place[i] % x;
            place[i] = (n * sweep->h + sweep->part.h + oy * stride) * sweep->w + sweep->part.w +
                       ox * stride;
        }
}

/* Of n units: fills the arrays of a layout. */
static void lay_out(const struct sweep *sweep, struct sweep_layout *layout, int n)
{
    const size_t length = geometry_length(&sweep->g, n, MICRO_STRIP), step = (size_t)sweep->step;
    for (int j = 0; j < sweep->chunks; j++) {
        const struct sweep_chunk *const chunk = &sweep->chunk[j];
        const size_t position = (size_t)chunk->phase * length + (size_t)chunk->shift;
        layout->offset[j] = (ptrdiff_t)(position * step) + chunk->from;
    }
    layout->strips = geometry_strips(&sweep->g, n, MICRO_STRIP, layout->start, layout->place);
    if (sweep->back)
        place_in_map(sweep, layout->place, layout->strips * MICRO_STRIP);
    memset(layout->place + (ptrdiff_t)layout->strips * MICRO_STRIP, -1,
        MICRO_STRIP * sizeof *layout->place);
}

/* That of a full block, once for all. */
static int keep_layout(struct sweep *sweep, struct err *err)
{
    struct sweep_layout *const full = &sweep->full;
    full->strips = geometry_strips(&sweep->g, sweep->block, MICRO_STRIP, NULL, NULL);
    const size_t strips = (size_t)full->strips + 1;
    full->start = calloc(strips, sizeof *full->start);
    full->place = calloc(strips * MICRO_STRIP, sizeof *full->place);
    full->offset = calloc((size_t)sweep->chunks, sizeof *full->offset);
    if (full->start == NULL || full->place == NULL || full->offset == NULL)
        return err_memory(err, "a convolution");
    lay_out(sweep, full, sweep->block);
    return 0;
}

int sweep_init(struct sweep *sweep, const struct geometry_shape *shape,
    const struct conv2d_shape *conv, const struct geometry_part *part, int block, struct err *err)
{
    const bool back = part != NULL;
    *sweep = (struct sweep){.c = back ? conv->k : conv->c,
        .k = back ? conv->c : conv->k,
        .units = 1,
        .block = block,
        .back = back,
        .h = back ? conv->h : shape->y,
        .w = back ? conv->w : shape->x};
    sweep->part = back ? *part : (struct geometry_part){0, 0, 0, 0, 1};
    geometry_init(&sweep->g, shape, block, MICRO_STRIP);
    sweep->step = step_of(sweep->c);
    if (reads_maps(&sweep->g, sweep->c, part)) {
        struct geometry_shape pixel;
        geometry_forward(&pixel, 1, 1, 1, 1, 1, 0);
        geometry_init(&sweep->g, &pixel, block, MICRO_STRIP);
        sweep->direct = true;
        sweep->units = shape->h * shape->w;
        sweep->step = sweep->c;
        sweep->h = sweep->w = 1;
    }
    list_chunks(sweep);
    const size_t panels = (size_t)divide_up(sweep->k, MICRO_PANEL);
    sweep->chunk = calloc((size_t)sweep->chunks, sizeof *sweep->chunk);
    const size_t packed =
        (panels * (size_t)sweep->chunks * MICRO_B + MICRO_CHUNK) * sizeof *sweep->packed;
    void *memory = NULL; /* rows of 64 bytes that begin a line: half of the loads else */
    if (sweep->chunk == NULL || posix_memalign(&memory, 64, packed) != 0)
        return err_memory(err, "a convolution");
    sweep->packed = memset(memory, 0, packed);
    list_chunks(sweep);
    return keep_layout(sweep, err);
}

void sweep_free(struct sweep *sweep)
{
    free(sweep->chunk);
    free(sweep->packed);
    free(sweep->full.start);
    free(sweep->full.place);
    free(sweep->full.offset);
}

/* ---- weights -------------------------------------------------------------------------------- */

/* Filter tap that a chunk's tap (i,j) is. */
static int tap_of(const struct sweep *sweep, const struct conv2d_shape *conv, int i, int j)
{
    const int r = sweep->back ? sweep->part.r - i * sweep->part.stride : i;
    const int s = sweep->back ? sweep->part.s - j * sweep->part.stride : j;
    return r * conv->s + s;
}

/* One chunk of one panel: [16 pairs][16 columns][2]. Elements past the run stay zero. */
static void pack(uint16_t *packed, const struct sweep *sweep, const struct sweep_chunk *chunk,
    int first, const float *weight, const struct conv2d_shape *conv)
{
    const size_t taps = (size_t)(conv->r * conv->s), filter = (size_t)conv->c * taps;
    const int columns = sweep->k - first < MICRO_PANEL ? sweep->k - first : MICRO_PANEL;
    for (int e = 0; e < chunk->count; e++) {
        const int channel = (chunk->from + e) % sweep->c;
        const int j = chunk->j + (chunk->from + e) / sweep->c * sweep->g.shape.stride;
        const float *from = weight + tap_of(sweep, conv, chunk->i, j);
        from += sweep->back ? (size_t)channel * filter + (size_t)first * taps
                            : (size_t)first * filter + (size_t)channel * taps;
        uint16_t *const to = packed + (ptrdiff_t)(e / 2) * 2 * MICRO_PANEL + e % 2;
        for (int n = 0; n < columns; n++)
            to[2 * n] = precision_narrow(from[(size_t)n * (sweep->back ? taps : filter)]);
    }
}

CPU_CLONES static void narrow(uint16_t *restrict to, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = precision_narrow(from[i]);
}

/* Ask for a run that is wanted some slices later: runs are too short for the CPU to see them coming. */
static void fetch(const float *from, size_t n)
{
    enum { LINE = 16 };
    for (size_t i = 0; i < n; i += LINE)
        __builtin_prefetch(from + i, 0, 2);
}

/* One tap of 32 elements and 16 columns, by vectors: element by element if `back`, else column by column. */
static void deal(uint16_t *packed, const uint16_t *rounded, bool back)
{
    enum { PAIRS = MICRO_CHUNK / 2, PAIR = 2 * MICRO_PANEL };
    if (back) {
        for (ptrdiff_t p = 0; p < PAIRS; p++)
            operand_interleave(packed + p * PAIR, 0, rounded + p * PAIR,
                rounded + p * PAIR + MICRO_PANEL, MICRO_PANEL);
        return;
    }
    for (ptrdiff_t n = 0; n < MICRO_PANEL; n += 4)
        for (ptrdiff_t p = 0; p < PAIRS; p += 4) {
            operand_row pair[4];
            for (ptrdiff_t i = 0; i < 4; i++)
                memcpy(&pair[i], rounded + (n + i) * MICRO_CHUNK + 2 * p, sizeof pair[i]);
            operand_turn(pair);
            for (ptrdiff_t i = 0; i < 4; i++)
                memcpy(packed + (p + i) * PAIR + 2 * n, &pair[i], sizeof pair[i]);
        }
}

/* The taps of 32 elements and 16 columns, whose weights lie in 16 or 32 runs of the filters: rounded
 * run by run, then dealt out pair by pair. */
static void pack_slice(const struct sweep *sweep, int slice, int panel, const float *weight,
    const struct conv2d_shape *conv)
{
    uint16_t rounded[MICRO_B * FEW_TAPS] = {0};
    const int taps = conv->r * conv->s, per_slice = sweep->g.shape.r * sweep->g.shape.s;
    const size_t filter = (size_t)conv->c * (size_t)taps;
    const int first = panel * MICRO_PANEL;
    const int columns = sweep->k - first < MICRO_PANEL ? sweep->k - first : MICRO_PANEL;
    uint16_t *packed =
        sweep->packed + (ptrdiff_t)(panel * sweep->chunks + slice * per_slice) * MICRO_B;
    const int filters = sweep->back ? MICRO_CHUNK : columns;
    const int channels = sweep->back ? columns : MICRO_CHUNK;
    const int room = (sweep->back ? MICRO_PANEL : MICRO_CHUNK) * taps; /* of a run */
    const int first_filter = sweep->back ? slice * MICRO_CHUNK : first;
    const int first_channel = sweep->back ? first : slice * MICRO_CHUNK;
    const size_t run = (size_t)channels * (size_t)taps;
    weight += (size_t)first_filter * filter + (size_t)first_channel * (size_t)taps;
    const uint16_t *next = packed + (ptrdiff_t)(sweep->back ? sweep->chunks : per_slice) * MICRO_B;
    for (int i = 0; i < per_slice * MICRO_B; i += 32)
        __builtin_prefetch(next + i, 1, 2); /* written next */
    for (size_t f = 0; f < (size_t)filters; f++) {
        fetch(weight + f * filter + AHEAD * run, run);
        narrow(rounded + f * (size_t)room, weight + f * filter, run);
    }
    if (taps == 1) {
        deal(packed, rounded, sweep->back);
        return;
    }
    const int column = sweep->back ? taps : room, element = sweep->back ? room : taps;
    for (int t = 0; t < per_slice; t++) {
        const struct sweep_chunk *const chunk = &sweep->chunk[slice * per_slice + t];
        const uint16_t *even = rounded + tap_of(sweep, conv, chunk->i, chunk->j);
        for (int p = 0; p < MICRO_CHUNK / 2; p++, even += (ptrdiff_t)2 * element)
            for (int n = 0; n < MICRO_PANEL; n++) {
                *packed++ = even[n * column];
                *packed++ = even[n * column + element];
            }
    }
}

void sweep_refresh(struct sweep *sweep, const float *weight, const struct conv2d_shape *conv)
{
    uint16_t *to = sweep->packed;
    if (sweep->c % MICRO_CHUNK == 0 && conv->r * conv->s <= FEW_TAPS) {
        const int panels = divide_up(sweep->k, MICRO_PANEL), slices = sweep->c / MICRO_CHUNK;
        for (int i = 0; i < panels * slices; i++) /* weights in the order in which they lie */
            if (sweep->back)
                pack_slice(sweep, i / panels, i % panels, weight, conv);
            else
                pack_slice(sweep, i % slices, i / slices, weight, conv);
        return;
    }
    for (int first = 0; first < sweep->k; first += MICRO_PANEL)
        for (int j = 0; j < sweep->chunks; j++, to += MICRO_B)
            pack(to, sweep, &sweep->chunk[j], first, weight, conv);
}

/* ---- running -------------------------------------------------------------------------------- */

struct room {
    uint16_t *image; /* or, where the maps are read, one strip: the last, if it is not full */
    float *sums;     /* [pairs of strips][MICRO_SUM] */
    struct sweep_layout layout; /* of a block that is not full */
};

static struct room room_of(const struct sweep *sweep, struct arena *arena)
{
    const size_t length = geometry_length(&sweep->g, sweep->block, MICRO_STRIP);
    const size_t positions = sweep->direct ? MICRO_STRIP : length * (size_t)sweep->g.phases;
    const size_t strips = (size_t)sweep->full.strips + 1;
    struct room room;
    room.image =
        arena_take(arena, positions * (size_t)sweep->step + MICRO_CHUNK, sizeof *room.image);
    room.sums = arena_take(arena, strips / 2 * MICRO_SUM, sizeof *room.sums);
    room.layout.offset = arena_take(arena, (size_t)sweep->chunks, sizeof *room.layout.offset);
    room.layout.start = arena_take(arena, strips, sizeof *room.layout.start);
    room.layout.place = arena_take(arena, strips * MICRO_STRIP, sizeof *room.layout.place);
    return room;
}

size_t sweep_scratch(const struct sweep *sweep)
{
    struct arena arena = {0};
    room_of(sweep, &arena);
    return arena.used;
}

/* The image of n units, or of the last strip of them; returns the positions of all others. */
static const uint16_t *prepare(
    const struct sweep *sweep, const struct room *room, const uint16_t *maps, int n)
{
    const size_t pixel = (size_t)sweep->c * sizeof *maps;
    if (!sweep->direct) {
        geometry_copy(room->image, maps, &sweep->g, n, MICRO_STRIP, sweep->c, sweep->step, 2);
        const size_t length = geometry_length(&sweep->g, n, MICRO_STRIP) * (size_t)sweep->g.phases;
        memset(room->image + length * (size_t)sweep->step, 0, MICRO_CHUNK * sizeof *maps);
        return room->image;
    }
    const size_t left = (size_t)(n % MICRO_STRIP);
    if (left > 0) {
        memcpy(room->image, maps + ((size_t)n - left) * (size_t)sweep->c, left * pixel);
        memset(room->image + left * (size_t)sweep->c, 0, (MICRO_STRIP - left) * pixel);
    }
    return maps;
}

/* What a run multiplies, and where to. */
struct run {
    const struct sweep *sweep;
    const struct micro *micro;
    const struct sweep_layout *layout;
    const uint16_t *image, *last; /* last: the strip that is not full, or NULL */
    uint16_t *out;
    bool stream;
};

static int columns_from(const struct sweep *sweep, int column)
{
    return sweep->k - column < MICRO_COLUMNS ? sweep->k - column : MICRO_COLUMNS;
}

/* A pair of strips with chunks from .. from+count-1 of 32 columns. */
static void multiply(const struct run *run, float *sum, int strip, int column, int from, int count)
{
    const struct sweep *const sweep = run->sweep;
    const size_t panel = (size_t)sweep->chunks * MICRO_B;
    const uint16_t *const b0 =
        sweep->packed + (size_t)(column / MICRO_PANEL) * panel + (ptrdiff_t)from * MICRO_B;
    const uint16_t *a[2];
    for (int i = 0; i < 2; i++) {
        const int which = strip + i < run->layout->strips ? strip + i : strip;
        a[i] = run->image + (ptrdiff_t)run->layout->start[which] * sweep->step;
        if (which == run->layout->strips - 1 && run->last != NULL)
            a[i] = run->last;
    }
    run->micro->product(sum, a[0], a[1], (size_t)sweep->step, run->layout->offset + from, b0,
        columns_from(sweep, column) > MICRO_PANEL ? b0 + panel : NULL, count, from > 0);
}

static void store(const struct run *run, const float *sum, int strip, int column)
{
    const struct micro *const micro = run->micro;
    (run->stream ? micro->stream : micro->store)(run->out + column, sum,
        run->layout->place + (ptrdiff_t)strip * MICRO_STRIP, (size_t)run->sweep->k,
        columns_from(run->sweep, column));
}

/* Each pair of strips with all weights, which are in L1, or for a 1x1 filter, which reads no line twice,
 * in L2: a strip is read once, and its pixels are written whole. */
static void strip_by_strip(const struct run *run, float *sum)
{
    for (int strip = 0; strip < run->layout->strips; strip += 2)
        for (int column = 0; column < run->sweep->k; column += MICRO_COLUMNS) {
            multiply(run, sum, strip, column, 0, run->sweep->chunks);
            store(run, sum, strip, column);
        }
}

/* Those of 32 columns are used by all strips, `few` chunks of them at a time; sums has a place for each
 * pair of strips. */
static void panel_by_panel(const struct run *run, float *sums, int few)
{
    const int chunks = run->sweep->chunks;
    for (int column = 0; column < run->sweep->k; column += MICRO_COLUMNS)
        for (int from = 0; from < chunks; from += few)
            for (int strip = 0; strip < run->layout->strips; strip += 2) {
                const int left = chunks - from;
                float *const sum = sums + (few == chunks ? 0 : (ptrdiff_t)strip / 2 * MICRO_SUM);
                multiply(run, sum, strip, column, from, left < few ? left : few);
                if (left <= few)
                    store(run, sum, strip, column);
            }
}

/* How many chunks of a panel go together over all strips: see sweep.h. */
static int together(int chunks, int strips)
{
    const int turns = strips < MANY_STRIPS || chunks < 2 * FEW_CHUNKS ? 1 : chunks / FEW_CHUNKS;
    return divide_up(chunks, turns);
}

void sweep_run(const struct sweep *sweep, const struct micro *micro, void *scratch, uint16_t *out,
    const uint16_t *maps, size_t first, int n, bool stream)
{
    struct arena arena = {.base = scratch, .size = SIZE_MAX};
    struct room room = room_of(sweep, &arena);
    const struct geometry_shape *const p = &sweep->g.shape;
    const size_t k = (size_t)sweep->k;
    maps += first * (size_t)p->h * (size_t)p->w * (size_t)sweep->c;
    out += first * (size_t)sweep->h * (size_t)sweep->w * k;
    if (n < sweep->block)
        lay_out(sweep, &room.layout, n);
    const struct run run = {.sweep = sweep,
        .micro = micro,
        .layout = n < sweep->block ? &room.layout : &sweep->full,
        .image = prepare(sweep, &room, maps, n),
        .last = sweep->direct && n % MICRO_STRIP > 0 ? room.image : NULL,
        .out = out,
        .stream = stream};
    if (divide_up(sweep->k, MICRO_PANEL) <= (sweep->direct ? L2_PANELS : L1_PANELS) / sweep->chunks)
        strip_by_strip(&run, room.sums);
    else
        panel_by_panel(&run, room.sums, together(sweep->chunks, run.layout->strips));
}
