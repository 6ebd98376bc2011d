/* implicit -- f32 convolution as a product of matrices, one of which is never formed.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/implicit.h"

#include "lib/nn/patch.h"

#include <stdlib.h>
#include <string.h>

/* Weights of a chunk: 288 x 16 take 18 KB of the first-level cache, the windows of six outputs 7. */
enum { CHUNK = 288 };

/* A patch is cut in slices of so many channels where there are more: pixels further apart than this
 * share too few sets of the caches. */
enum { SLICE = 256 };

enum { GROUP = 8 }; /* panels of a task */

/* Rows of taps, or part of one: what a kernel multiplies in one go. */
struct chunk {
    int row, runs;     /* rows of taps */
    int begin, length; /* part of each, counted in taps x channels of the slice */
    int from, slice;   /* channels of the slice */
    size_t image;      /* where it begins in the image of a strip */
    size_t weight; /* where in a panel's worth of packed weights; times panels, in all of them */
};

/* One product: all outputs, or those of one phase. */
struct job {
    struct patch patch;
    struct geometry_part part;
    bool empty;  /* no taps: zeros */
    bool copied; /* strips are copied; otherwise the maps serve as they are */
    int chunks;
    struct chunk *chunk; /* owned */
    int32_t *in_at;      /* [outputs]: places of a strip's outputs, in the image; owned */
    int32_t *out_at;     /* in the output map */
    int32_t *tail_at;    /* in a matrix of 16 columns */
    float *weight;       /* [chunk][panel][runs * length][16]; owned */
};

struct implicit {
    const struct panel_kernels *kernels;
    bool data;
    int ic, oc, oh, ow; /* channels in and out, output map */
    int filter[4];      /* K C R S */
    int panels;
    int jobs;
    struct job *job; /* [jobs]; owned */
};

static int round_to(int n, int unit)
{
    return (n + unit - 1) / unit * unit;
}

/* ---- making --------------------------------------------------------------------------------- */

static int slice_width(int c)
{
    const int slices = (c + SLICE - 1) / SLICE;
    return slices == 1 ? c : round_to((c + slices - 1) / slices, PANEL);
}

/* Chunks of all slices; counts them when `chunk` is NULL. */
static int cut(struct chunk *chunk, const struct job *job, int c, int width)
{
    const struct geometry_shape *const p = &job->patch.shape;
    const int pixels = job->copied ? job->patch.width : p->w;
    int count = 0;
    size_t weight = 0;
    for (int from = 0; from < c; from += width) {
        const int slice = c - from < width ? c - from : width, run = p->s * slice;
        const int pieces = (run + CHUNK - 1) / CHUNK, group = run < CHUNK ? CHUNK / run : 1;
        const int length = pieces == 1 ? run : round_to((run + pieces - 1) / pieces, 8);
        const int groups = (p->r + group - 1) / group, rows = (p->r + groups - 1) / groups;
        const size_t base = job->copied ? (size_t)from * (size_t)patch_pixels(&job->patch) : 0;
        for (int row = 0; row < p->r; row += rows)
            for (int begin = 0; begin < run; begin += length) {
                struct chunk next = {row, p->r - row < rows ? p->r - row : rows, begin,
                    run - begin < length ? run - begin : length, from, slice, 0, weight};
                next.image = base + (size_t)(row * pixels * slice + begin);
                weight += (size_t)(next.runs * next.length * PANEL);
                if (chunk != NULL)
                    chunk[count] = next;
                count++;
            }
    }
    return count;
}

/* Does every output of the product read inside the map? */
static bool inside(const struct geometry_shape *p)
{
    return p->top <= 0 && p->left <= 0 && (p->y - 1) * p->stride + p->r - p->top <= p->h &&
           (p->x - 1) * p->stride + p->s - p->left <= p->w;
}

static void make_places(const struct implicit *conv, struct job *job, int slice)
{
    const struct geometry_shape *const p = &job->patch.shape;
    const int step = job->part.stride;
    int q = 0;
    for (int i = 0; i < job->patch.pictures; i++)
        for (int y = 0; y < job->patch.rows; y++)
            for (int x = 0; x < p->x; x++, q++) {
                job->in_at[q] =
                    job->copied
                        ? job->patch.at[q] * slice
                        : ((i * p->h + y * p->stride - p->top) * p->w + x * p->stride - p->left) *
                              conv->ic;
                job->out_at[q] = ((i * conv->oh + y * step) * conv->ow + x * step) * conv->oc;
                job->tail_at[q] = q * PANEL;
            }
}

static int make_job(struct implicit *conv, struct job *job, const struct geometry_shape *p,
    const struct geometry_part *part, struct err *err)
{
    job->part = *part;
    if (patch_init(&job->patch, p, err) != 0)
        return -1;
    job->copied = !inside(p);
    const int slice = job->copied ? slice_width(conv->ic) : conv->ic;
    const size_t outputs = (size_t)patch_outputs(&job->patch);
    const size_t floats =
        (size_t)(conv->ic * p->r * p->s) * (size_t)conv->panels * PANEL * sizeof(float);
    void *weight = NULL;
    job->chunks = cut(NULL, job, conv->ic, slice);
    job->chunk = malloc((size_t)job->chunks * sizeof *job->chunk);
    job->in_at = malloc(3 * outputs * sizeof *job->in_at);
    if (job->chunk == NULL || job->in_at == NULL || posix_memalign(&weight, 64, floats) != 0)
        return err_memory(err, "convolutions");
    job->weight = weight;
    job->out_at = job->in_at + outputs;
    job->tail_at = job->out_at + outputs;
    cut(job->chunk, job, conv->ic, slice);
    make_places(conv, job, slice);
    return 0;
}

static int make_jobs(struct implicit *conv, const struct conv2d_shape *p, struct err *err)
{
    struct geometry_shape forward, shape;
    struct geometry_part part = {0, 0, 0, 0, 1};
    geometry_forward(&forward, p->h, p->w, p->r, p->s, p->stride, p->pad);
    if (!conv->data)
        return make_job(conv, &conv->job[conv->jobs++], &forward, &part, err);
    for (int a = 0; a < p->stride; a++)
        for (int b = 0; b < p->stride; b++) {
            struct job *const job = &conv->job[conv->jobs];
            const bool taps = geometry_transpose(&shape, &part, &forward, a, b);
            if (shape.y <= 0 || shape.x <= 0)
                continue;
            conv->jobs++;
            job->part = part;
            job->patch.shape = shape;
            job->empty = !taps;
            if (taps && make_job(conv, job, &shape, &part, err) != 0)
                return -1;
        }
    return 0;
}

struct implicit *implicit_new(
    const struct conv2d_shape *p, bool data, const struct panel_kernels *kernels, struct err *err)
{
    struct implicit *conv = calloc(1, sizeof *conv);
    struct job *job = calloc((size_t)(p->stride * p->stride), sizeof *job);
    if (conv == NULL || job == NULL) {
        free(conv);
        free(job);
        err_memory(err, "convolutions");
        return NULL;
    }
    *conv = (struct implicit){.kernels = kernels, .data = data, .job = job};
    memcpy(conv->filter, (int[4]){p->k, p->c, p->r, p->s}, sizeof conv->filter);
    conv->ic = data ? p->k : p->c;
    conv->oc = data ? p->c : p->k;
    conv->oh = data ? p->h : conv2d_y(p);
    conv->ow = data ? p->w : conv2d_x(p);
    conv->panels = (conv->oc + PANEL - 1) / PANEL;
    if (make_jobs(conv, p, err) != 0) {
        implicit_free(conv);
        return NULL;
    }
    return conv;
}

void implicit_free(struct implicit *conv)
{
    if (conv == NULL)
        return;
    for (int i = 0; i < conv->jobs; i++) {
        patch_free(&conv->job[i].patch);
        free(conv->job[i].chunk);
        free(conv->job[i].in_at);
        free(conv->job[i].weight);
    }
    free(conv->job);
    free(conv);
}

static size_t image_floats(const struct implicit *conv, const struct job *job)
{
    const size_t floats = (size_t)patch_pixels(&job->patch) * (size_t)conv->ic;
    return job->copied ? (floats + PANEL - 1) / PANEL * PANEL : 0;
}

size_t implicit_scratch(const struct implicit *conv)
{
    size_t most = 0;
    for (int i = 0; i < conv->jobs; i++) {
        const struct job *const job = &conv->job[i];
        const size_t tail = job->empty ? 0 : (size_t)patch_outputs(&job->patch) * PANEL;
        const size_t floats = job->empty ? 0 : image_floats(conv, job) + tail;
        most = floats > most ? floats : most;
    }
    return most;
}

/* ---- weights -------------------------------------------------------------------------------- */

/* One line of a panel: the weights of tap (row, column) between input channel i and 16 outputs. */
static void pack_line(float *out, const struct implicit *conv, const struct job *job,
    const float *weight, int row, int column, int i, int first)
{
    const int c = conv->filter[1], taps = conv->filter[2] * conv->filter[3];
    const int n = conv->oc - first < PANEL ? conv->oc - first : PANEL;
    const size_t step = (size_t)(conv->data ? 1 : c) * (size_t)taps;
    const int r = conv->data ? job->part.r - row * job->part.stride : row;
    const int s = conv->data ? job->part.s - column * job->part.stride : column;
    const size_t kc =
        conv->data ? (size_t)i * (size_t)c + (size_t)first : (size_t)first * (size_t)c + (size_t)i;
    weight += kc * (size_t)taps + (size_t)(r * conv->filter[3] + s);
    for (int j = 0; j < n; j++)
        out[j] = weight[(size_t)j * step];
    for (int j = n; j < PANEL; j++)
        out[j] = 0;
}

static void pack(struct implicit *conv, struct job *job, const float *weight)
{
    float *out = job->weight;
    for (int k = 0; k < job->chunks; k++) {
        const struct chunk *const chunk = &job->chunk[k];
        for (int panel = 0; panel < conv->panels; panel++)
            for (int run = 0; run < chunk->runs; run++)
                for (int i = chunk->begin; i < chunk->begin + chunk->length; i++, out += PANEL)
                    pack_line(out, conv, job, weight, chunk->row + run, i / chunk->slice,
                        chunk->from + i % chunk->slice, panel * PANEL);
    }
}

void implicit_refresh(struct implicit *conv, const float *weight)
{
    for (int i = 0; i < conv->jobs; i++)
        if (!conv->job[i].empty)
            pack(conv, &conv->job[i], weight);
}

/* ---- running -------------------------------------------------------------------------------- */

struct pass {
    const struct implicit *conv;
    const struct job *job;
    float *out;
    const float *in;
    int n, groups;
    float *scratch;
    size_t room;
};

/* Output of a strip: where its first pixel lies. */
static float *output(const struct pass *pass, const struct patch_strip *strip)
{
    const struct implicit *const conv = pass->conv;
    const struct geometry_part *const part = &pass->job->part;
    const size_t row =
        (size_t)strip->picture * (size_t)conv->oh + (size_t)(part->h + strip->row * part->stride);
    return pass->out + (row * (size_t)conv->ow + (size_t)part->w) * (size_t)conv->oc;
}

/* The image that a strip reads. */
static const float *image(const struct pass *pass, const struct patch_strip *strip, float *scratch)
{
    const struct job *const job = pass->job;
    const struct geometry_shape *const p = &job->patch.shape;
    const int c = pass->conv->ic;
    if (!job->copied) {
        const size_t row = (size_t)strip->picture * (size_t)p->h + (size_t)(strip->row * p->stride);
        return pass->in + row * (size_t)p->w * (size_t)c;
    }
    const int slice = slice_width(c);
    for (int from = 0; from < c; from += slice)
        patch_copy(scratch + (size_t)from * (size_t)patch_pixels(&job->patch), pass->in,
            &job->patch, strip, c, from, c - from < slice ? c - from : slice);
    return scratch;
}

/* One panel of one chunk. */
static void multiply(const struct pass *pass, const struct chunk *chunk, int panel, float *out,
    const int32_t *out_at, const float *in, int outputs)
{
    const struct job *const job = pass->job;
    const size_t panels = (size_t)pass->conv->panels;
    const size_t step =
        (size_t)(job->copied ? job->patch.width : job->patch.shape.w) * (size_t)chunk->slice;
    const float *weight = job->weight + chunk->weight * panels +
                          (size_t)panel * (size_t)(chunk->runs * chunk->length * PANEL);
    pass->conv->kernels->rows(out, out_at, in + chunk->image, job->in_at, outputs, step,
        chunk->runs, chunk->length, weight, chunk != job->chunk);
}

/* The filters that fill no panel, by way of a matrix [outputs][16]. */
static void multiply_tail(
    const struct pass *pass, float *out, const float *in, float *matrix, int outputs)
{
    const struct job *const job = pass->job;
    const int panel = pass->conv->oc / PANEL, columns = pass->conv->oc % PANEL;
    for (int i = 0; i < job->chunks; i++)
        multiply(pass, &job->chunk[i], panel, matrix, job->tail_at, in, outputs);
    for (int q = 0; q < outputs; q++)
        memcpy(out + job->out_at[q] + panel * PANEL, matrix + q * PANEL,
            (size_t)columns * sizeof *out);
}

static void strip_work(void *context, int task, int thread)
{
    const struct pass *const pass = context;
    const struct job *const job = pass->job;
    const struct patch_strip strip = patch_strip(&job->patch, pass->n, task / pass->groups);
    const int first = task % pass->groups * GROUP, full = pass->conv->oc / PANEL;
    const int end = first + GROUP < pass->conv->panels ? first + GROUP : pass->conv->panels;
    float *const scratch = pass->scratch + (size_t)thread * pass->room;
    float *const out = output(pass, &strip);
    const float *const in = image(pass, &strip, scratch);
    for (int i = 0; i < job->chunks; i++)
        for (int panel = first; panel < end && panel < full; panel++)
            multiply(
                pass, &job->chunk[i], panel, out + panel * PANEL, job->out_at, in, strip.outputs);
    if (end > full)
        multiply_tail(pass, out, in, scratch + image_floats(pass->conv, job), strip.outputs);
}

/* Pixels that no tap reaches. */
static void zero_work(void *context, int picture, int thread)
{
    const struct pass *const pass = context;
    const struct implicit *const conv = pass->conv;
    const struct job *const job = pass->job;
    (void)thread;
    for (int y = 0; y < job->patch.shape.y; y++)
        for (int x = 0; x < job->patch.shape.x; x++) {
            const size_t row =
                (size_t)picture * (size_t)conv->oh + (size_t)(job->part.h + y * job->part.stride);
            const size_t pixel =
                row * (size_t)conv->ow + (size_t)(job->part.w + x * job->part.stride);
            memset(pass->out + pixel * (size_t)conv->oc, 0, (size_t)conv->oc * sizeof(float));
        }
}

void implicit_run(const struct implicit *conv, struct parallel *parallel, float *out,
    const float *in, int n, float *scratch, size_t room)
{
    const int groups = (conv->panels + GROUP - 1) / GROUP;
    for (int i = 0; i < conv->jobs; i++) {
        const struct job *const job = &conv->job[i];
        struct pass pass = {conv, job, out, in, n, groups, scratch, room};
        if (job->empty)
            parallel_run(parallel, n, zero_work, &pass);
        else
            parallel_run(parallel, patch_strips(&job->patch, n) * groups, strip_work, &pass);
    }
}
