/* onednn -- f32 convolution by oneDNN, versions 2 and 3; nothing else calls it.
 *
 * For each direction (forward, data gradient, weight gradient) there is a primitive for each size
 * of block. Activations are NHWC; the layout of the weights is what the primitive of the largest
 * block wants, which the smaller ones take over, so that one packed copy serves them all.
 *
 * OpenMP inside oneDNN is told to use one thread, for each of our threads, when primitives are made
 * (they remember it) and when they run: its barriers spin, and stages share the cores.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/onednn.h"

#include "lib/base/cpu.h"
#include "lib/base/shape.h"

#include <dnnl.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZES = 3, ARGUMENTS = 4, ALIGNMENT = 64 };

/* Pictures of a block, largest first. Large blocks pay on the smallest maps only, and a part of 32 large
 * pictures must feed several threads. */
static const int block_rows[2][SIZES] = {{8, 2, 1}, {32, 8, 1}};
enum { SMALL = 16 }; /* outputs of a map */

/* Partial weight gradients kept at a time: as many as fit here, two a thread at least. */
static const size_t partial_bytes = (size_t)64 << 20;

enum { SLICE = 4096 }; /* floats of the weight gradient that one thread adds up at a time */

/* Places in an argument list. */
enum { INPUT, WEIGHTS, OUTPUT, SCRATCH };

struct primitive {
    dnnl_primitive_t run;
    dnnl_exec_arg_t (*argument)[ARGUMENTS]; /* [threads]; the same order in every direction */
    char kernel[48];
};

struct onednn_context {
    struct parallel *parallel;
    int threads;
    dnnl_engine_t engine;
    dnnl_stream_t *stream; /* [threads] */
    size_t scratch;        /* bytes that the most demanding primitive wants for a thread */
    size_t weights;        /* bytes of the largest weight gradient */
    size_t room[2];        /* scratch and weights when the memory was made */
    char *scratch_memory;  /* [threads][room[0]]; owned */
    char *partial;         /* [1 + partials][room[1]]: the sum, then blocks; owned */
    int partials;
};

struct onednn {
    struct onednn_context *context;
    struct conv2d_shape shape;
    const float *weight; /* [K,C,R,S], borrowed */
    struct primitive primitive[CONV2D_DIRECTIONS][SIZES];
    bool ready[CONV2D_DIRECTIONS];
    void *packed[CONV2D_DIRECTIONS]; /* weights in the layout of the primitive; owned */
    dnnl_memory_t master, packing[CONV2D_DIRECTIONS]; /* arguments of repack */
    dnnl_primitive_t repack[CONV2D_DIRECTIONS]; /* CONV2D_WEIGHT: back to [K,C,R,S], added to it */
    size_t bytes[CONV2D_DIRECTIONS];            /* of packed weights */
};

/* ---- the two versions of the interface ------------------------------------------------------ */

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout_ref;
#define REF(layout) (layout)

static dnnl_status_t layout_new(
    dnnl_memory_desc_t *layout, const dnnl_dims_t extent, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_create_with_tag(layout, 4, extent, dnnl_f32, tag);
}

static void layout_free(dnnl_memory_desc_t layout)
{
    dnnl_memory_desc_destroy(layout);
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1, 0, dnnl_data_type_undef);
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
    enum conv2d_direction direction, layout_ref x, layout_ref weight, layout_ref y,
    const struct conv2d_shape *p, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attributes)
{
    const dnnl_dims_t stride = {p->stride, p->stride}, pad = {p->pad, p->pad}, dilation = {0, 0};
    if (direction == CONV2D_FORWARD)
        return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_training,
            dnnl_convolution_direct, x, weight, NULL, y, stride, dilation, pad, pad, attributes);
    if (direction == CONV2D_DATA)
        return dnnl_convolution_backward_data_primitive_desc_create(out, engine,
            dnnl_convolution_direct, x, weight, y, stride, dilation, pad, pad, hint, attributes);
    return dnnl_convolution_backward_weights_primitive_desc_create(out, engine,
        dnnl_convolution_direct, x, weight, NULL, y, stride, dilation, pad, pad, hint, attributes);
}
#else
typedef const dnnl_memory_desc_t *layout_ref;
#define REF(layout) (&(layout))

static dnnl_status_t layout_new(
    dnnl_memory_desc_t *layout, const dnnl_dims_t extent, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(layout, 4, extent, dnnl_f32, tag);
}

static void layout_free(dnnl_memory_desc_t layout)
{
    (void)layout;
}

static dnnl_status_t append_sum(dnnl_post_ops_t operations)
{
    return dnnl_post_ops_append_sum(operations, 1);
}

static dnnl_status_t describe(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
    enum conv2d_direction direction, layout_ref x, layout_ref weight, layout_ref y,
    const struct conv2d_shape *p, dnnl_primitive_desc_t hint, dnnl_primitive_attr_t attributes)
{
    const dnnl_dims_t stride = {p->stride, p->stride}, pad = {p->pad, p->pad};
    dnnl_convolution_desc_t d;
    dnnl_status_t status;
    if (direction == CONV2D_FORWARD)
        status = dnnl_convolution_forward_desc_init(&d, dnnl_forward_training,
            dnnl_convolution_direct, x, weight, NULL, y, stride, pad, pad);
    else if (direction == CONV2D_DATA)
        status = dnnl_convolution_backward_data_desc_init(
            &d, dnnl_convolution_direct, x, weight, y, stride, pad, pad);
    else
        status = dnnl_convolution_backward_weights_desc_init(
            &d, dnnl_convolution_direct, x, weight, NULL, y, stride, pad, pad);
    return status != dnnl_success ? status
                                  : dnnl_primitive_desc_create(out, &d, attributes, engine, hint);
}
#endif

/* ---- shapes and blocks ---------------------------------------------------------------------- */

static size_t input_row(const struct conv2d_shape *p)
{
    return (size_t)p->h * (size_t)p->w * (size_t)p->c;
}

static size_t output_row(const struct conv2d_shape *p)
{
    return (size_t)conv2d_y(p) * (size_t)conv2d_x(p) * (size_t)p->k;
}

static const int *rows_of(const struct conv2d_shape *p)
{
    return block_rows[conv2d_y(p) * conv2d_x(p) <= SMALL];
}

static int block_count(const struct conv2d_shape *p, int n)
{
    const int *const rows = rows_of(p);
    int blocks = 0;
    for (int size = 0; size < SIZES; n %= rows[size++])
        blocks += n / rows[size];
    return blocks;
}

/* First picture of a block, and its size as an index into rows_of(). */
static int block_first(const struct conv2d_shape *p, int n, int block, int *size)
{
    const int *const rows = rows_of(p);
    int first = 0;
    for (*size = 0; block >= n / rows[*size]; ++*size) {
        const int blocks = n / rows[*size];
        first += blocks * rows[*size];
        n -= blocks * rows[*size];
        block -= blocks;
    }
    return first + block * rows[*size];
}

/* ---- making --------------------------------------------------------------------------------- */

static int failed(struct err *err, dnnl_status_t status, const char *what)
{
    return err_set(err, ERR_FAILED, "oneDNN cannot make %s (status %d)", what, (int)status);
}

/* The library shall use no more than a CPU of this level has. It only listens before its first use;
 * later calls are refused, which does no harm. */
static void limit(int level)
{
    if (level < CPU_AVX2)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_sse41);
    else if (level < CPU_AVX512)
        dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
}

struct onednn_context *onednn_context_new(struct parallel *parallel, int level, struct err *err)
{
    struct onednn_context *context = calloc(1, sizeof *context);
    if (context == NULL) {
        err_memory(err, "convolutions");
        return NULL;
    }
    context->parallel = parallel;
    context->threads = parallel_threads(parallel);
    context->stream = calloc((size_t)context->threads, sizeof(dnnl_stream_t));
    if (context->stream == NULL) {
        err_memory(err, "convolutions");
        onednn_context_free(context);
        return NULL;
    }
    limit(level);
    dnnl_status_t status = dnnl_engine_create(&context->engine, dnnl_cpu, 0);
    for (int i = 0; i < context->threads && status == dnnl_success; i++)
        status =
            dnnl_stream_create(&context->stream[i], context->engine, dnnl_stream_default_flags);
    if (status != dnnl_success) {
        failed(err, status, "an engine");
        onednn_context_free(context);
        return NULL;
    }
    return context;
}

void onednn_context_free(struct onednn_context *context)
{
    if (context == NULL)
        return;
    for (int i = 0; context->stream != NULL && i < context->threads; i++)
        dnnl_stream_destroy(context->stream[i]);
    dnnl_engine_destroy(context->engine);
    free(context->stream);
    free(context->scratch_memory);
    free(context->partial);
    free(context);
}

static void *aligned(size_t bytes)
{
    void *memory = NULL;
    return posix_memalign(&memory, ALIGNMENT, bytes == 0 ? ALIGNMENT : bytes) == 0 ? memory : NULL;
}

static size_t round_up(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

int onednn_reserve(struct onednn_context *context, struct err *err)
{
    const size_t threads = (size_t)context->threads;
    if (context->scratch > context->room[0] || context->scratch_memory == NULL) {
        free(context->scratch_memory);
        context->room[0] = round_up(context->scratch);
        context->scratch_memory = aligned(shape_times(context->room[0], threads));
        if (context->scratch_memory == NULL)
            return err_memory(err, "convolutions");
    }
    if (context->weights > context->room[1] || (context->weights > 0 && context->partial == NULL)) {
        free(context->partial);
        context->room[1] = round_up(context->weights);
        const size_t fitting = partial_bytes / context->room[1];
        const size_t partials = fitting < 2 * threads ? 2 * threads : fitting > 64 ? 64 : fitting;
        context->partials = (int)partials;
        context->partial = aligned(shape_times(context->room[1], partials + 1));
        if (context->partial == NULL)
            return err_memory(err, "weight gradients");
    }
    return 0;
}

/* The memory arguments of one primitive for every thread. All are bound to memory when it runs. */
static dnnl_status_t make_arguments(struct onednn *conv, enum conv2d_direction direction,
    struct primitive *primitive, dnnl_primitive_desc_t description)
{
    static const int name[CONV2D_DIRECTIONS][ARGUMENTS] = {
        {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD},
        {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD},
        {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_SCRATCHPAD}};
    static const dnnl_query_t query[CONV2D_DIRECTIONS][ARGUMENTS] = {
        {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md, dnnl_query_scratchpad_md},
        {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md,
            dnnl_query_scratchpad_md},
        {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md,
            dnnl_query_scratchpad_md}};
    struct onednn_context *context = conv->context;
    primitive->argument = calloc((size_t)context->threads, sizeof *primitive->argument);
    if (primitive->argument == NULL)
        return dnnl_out_of_memory;
    for (int i = 0; i < ARGUMENTS; i++) {
        const layout_ref layout = dnnl_primitive_desc_query_md(description, query[direction][i], 0);
        const size_t bytes = dnnl_memory_desc_get_size(layout);
        if (i == SCRATCH && bytes > context->scratch)
            context->scratch = bytes;
        for (int t = 0; t < context->threads; t++) {
            dnnl_exec_arg_t *argument = &primitive->argument[t][i];
            argument->arg = name[direction][i];
            const dnnl_status_t status = dnnl_memory_create(&argument->memory, layout,
                context->engine, i == WEIGHTS ? conv->packed[direction] : NULL);
            if (status != dnnl_success)
                return status;
        }
    }
    return dnnl_success;
}

/* The packed weights of a direction, and the way there (gradients: back) from [K,C,R,S]. */
static dnnl_status_t make_packing(
    struct onednn *conv, enum conv2d_direction direction, layout_ref layout, layout_ref plain)
{
    struct onednn_context *context = conv->context;
    const dnnl_engine_t engine = context->engine;
    conv->bytes[direction] = dnnl_memory_desc_get_size(layout);
    if (direction != CONV2D_WEIGHT) {
        conv->packed[direction] = aligned(conv->bytes[direction]);
        if (conv->packed[direction] == NULL)
            return dnnl_out_of_memory;
    } else if (conv->bytes[direction] > context->weights) {
        context->weights = conv->bytes[direction];
    }
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t operations = NULL;
    dnnl_status_t status =
        dnnl_memory_create(&conv->packing[direction], layout, engine, conv->packed[direction]);
    if (status == dnnl_success && conv->master == NULL)
        status = dnnl_memory_create(&conv->master, plain, engine, NULL);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success && direction == CONV2D_WEIGHT) {
        status = dnnl_post_ops_create(&operations);
        if (status == dnnl_success)
            status = append_sum(operations);
        if (status == dnnl_success)
            status = dnnl_primitive_attr_set_post_ops(attributes, operations);
    }
    if (status == dnnl_success)
        status = direction == CONV2D_WEIGHT ? dnnl_reorder_primitive_desc_create(&description,
                                                  layout, engine, plain, engine, attributes)
                                            : dnnl_reorder_primitive_desc_create(&description,
                                                  plain, engine, layout, engine, attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&conv->repack[direction], description);
    dnnl_primitive_desc_destroy(description);
    dnnl_post_ops_destroy(operations);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* The primitive of one direction and size of block. */
static dnnl_status_t make_primitive(struct onednn *conv, enum conv2d_direction direction, int size,
    dnnl_primitive_attr_t attributes)
{
    const struct conv2d_shape *p = &conv->shape;
    const dnnl_engine_t engine = conv->context->engine;
    const dnnl_dims_t in = {rows_of(p)[size], p->c, p->h, p->w}, weight = {p->k, p->c, p->r, p->s},
                      out = {rows_of(p)[size], p->k, conv2d_y(p), conv2d_x(p)};
    struct primitive *primitive = &conv->primitive[direction][size];
    dnnl_primitive_desc_t hint = NULL, description = NULL;
    dnnl_memory_desc_t x, any, plain, y;
    dnnl_status_t status = layout_new(&x, in, dnnl_nhwc);
    if (status != dnnl_success)
        return status;
    layout_new(&any, weight, dnnl_format_tag_any); /* like the first, these cannot go wrong but */
    layout_new(&plain, weight, dnnl_oihw);         /* for memory, which describe() would notice */
    layout_new(&y, out, dnnl_nhwc);

    layout_ref wanted = REF(any);
    if (size > 0)
        status = dnnl_memory_get_memory_desc(conv->packing[direction], &wanted);
    if (status == dnnl_success && direction != CONV2D_FORWARD)
        status =
            describe(&hint, engine, CONV2D_FORWARD, REF(x), REF(any), REF(y), p, NULL, attributes);
    if (status == dnnl_success)
        status =
            describe(&description, engine, direction, REF(x), wanted, REF(y), p, hint, attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&primitive->run, description);
    if (status == dnnl_success && size == 0) {
        const char *kernel = NULL;
        dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &kernel);
        snprintf(primitive->kernel, sizeof primitive->kernel, "%s", kernel);
        status = make_packing(conv, direction,
            dnnl_primitive_desc_query_md(description,
                direction == CONV2D_WEIGHT ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0),
            REF(plain));
    }
    if (status == dnnl_success)
        status = make_arguments(conv, direction, primitive, description);
    dnnl_primitive_desc_destroy(description);
    dnnl_primitive_desc_destroy(hint);
    layout_free(x);
    layout_free(any);
    layout_free(plain);
    layout_free(y);
    return status;
}

static int make_direction(struct onednn *conv, enum conv2d_direction direction, struct err *err)
{
    omp_set_num_threads(1);
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
    for (int size = 0; size < SIZES && status == dnnl_success; size++)
        status = make_primitive(conv, direction, size, attributes);
    dnnl_primitive_attr_destroy(attributes);
    if (status != dnnl_success)
        return failed(err, status, "a convolution");
    conv->ready[direction] = true;
    return 0;
}

struct onednn *onednn_new(struct onednn_context *context, const struct conv2d_shape *shape,
    const float *weight, struct err *err)
{
    struct onednn *conv = calloc(1, sizeof *conv);
    if (conv == NULL) {
        err_memory(err, "a convolution");
        return NULL;
    }
    *conv = (struct onednn){.context = context, .shape = *shape, .weight = weight};
    return conv;
}

int onednn_add(struct onednn *conv, enum conv2d_direction direction, struct err *err)
{
    return conv->ready[direction] ? 0 : make_direction(conv, direction, err);
}

void onednn_free(struct onednn *conv)
{
    if (conv == NULL)
        return;
    for (int d = 0; d < CONV2D_DIRECTIONS; d++) {
        for (int size = 0; size < SIZES; size++) {
            struct primitive *p = &conv->primitive[d][size];
            for (int t = 0; p->argument != NULL && t < conv->context->threads; t++)
                for (int i = 0; i < ARGUMENTS; i++)
                    dnnl_memory_destroy(p->argument[t][i].memory);
            free(p->argument);
            dnnl_primitive_destroy(p->run);
        }
        dnnl_primitive_destroy(conv->repack[d]);
        dnnl_memory_destroy(conv->packing[d]);
        free(conv->packed[d]);
    }
    dnnl_memory_destroy(conv->master);
    free(conv);
}

/* ---- running -------------------------------------------------------------------------------- */

/* Run a primitive on one block. What it writes becomes NaN should it fail. */
static void run(struct onednn *conv, enum conv2d_direction direction, int size, int thread,
    const float *input, const void *weights, const float *output)
{
    const struct onednn_context *context = conv->context;
    const struct primitive *primitive = &conv->primitive[direction][size];
    const dnnl_exec_arg_t *argument = primitive->argument[thread];
    char *scratch = context->scratch_memory + (size_t)thread * context->room[0];
    const void *pointer[ARGUMENTS] = {input, weights, output, scratch};
    dnnl_status_t status = dnnl_success;
    omp_set_num_threads(1);
    for (int i = 0; i < ARGUMENTS && status == dnnl_success; i++)
        status = dnnl_memory_set_data_handle(argument[i].memory, (void *)pointer[i]);
    if (status == dnnl_success)
        status =
            dnnl_primitive_execute(primitive->run, context->stream[thread], ARGUMENTS, argument);
    if (status == dnnl_success)
        status = dnnl_stream_wait(context->stream[thread]);
    if (status == dnnl_success)
        return;
    const size_t rows = (size_t)rows_of(&conv->shape)[size] * sizeof(float);
    const size_t written[CONV2D_DIRECTIONS] = {rows * output_row(&conv->shape),
        rows * input_row(&conv->shape), conv->bytes[CONV2D_WEIGHT]};
    const int place[CONV2D_DIRECTIONS] = {OUTPUT, INPUT, WEIGHTS};
    memset((void *)pointer[place[direction]], 0xFF, written[direction]);
}

static void repack(struct onednn *conv, enum conv2d_direction direction, int thread)
{
    const bool back = direction == CONV2D_WEIGHT;
    const dnnl_exec_arg_t argument[2] = {
        {DNNL_ARG_FROM, back ? conv->packing[direction] : conv->master},
        {DNNL_ARG_TO, back ? conv->master : conv->packing[direction]}};
    dnnl_stream_t stream = conv->context->stream[thread];
    omp_set_num_threads(1);
    if (dnnl_primitive_execute(conv->repack[direction], stream, 2, argument) != dnnl_success ||
        dnnl_stream_wait(stream) != dnnl_success) {
        void *written = NULL;
        dnnl_memory_get_data_handle(argument[1].memory, &written);
        memset(written, 0xFF, sizeof(float));
    }
}

void onednn_refresh(struct onednn *conv, int thread)
{
    dnnl_memory_set_data_handle(conv->master, (void *)conv->weight);
    for (int d = CONV2D_FORWARD; d <= CONV2D_DATA; d++)
        if (conv->ready[d])
            repack(conv, (enum conv2d_direction)d, thread);
}

/* One pass over the rows of a part, as the threads see it. */
struct pass {
    struct onednn *conv;
    float *y, *dx;
    const float *x, *dy;
    int n;
    int from; /* weight gradient: the first block of this round; its partial gradient comes first */
    int blocks;
};

static void forward_block(void *context, int block, int thread)
{
    const struct pass *pass = context;
    const struct conv2d_shape *p = &pass->conv->shape;
    int size;
    const size_t first = (size_t)block_first(p, pass->n, block, &size);
    run(pass->conv, CONV2D_FORWARD, size, thread, pass->x + first * input_row(p),
        pass->conv->packed[CONV2D_FORWARD], pass->y + first * output_row(p));
}

void onednn_forward(struct onednn *conv, float *y, const float *x, int n)
{
    struct pass pass = {.conv = conv, .y = y, .x = x, .n = n};
    parallel_run(conv->context->parallel, block_count(&conv->shape, n), forward_block, &pass);
}

/* The sum of the partial gradients, and behind it the partial gradient of block i of a round. */
static float *partial(const struct onednn_context *context, int i)
{
    return (float *)(void *)(context->partial + (size_t)i * context->room[1]);
}

static void data_block(void *context, int block, int thread)
{
    const struct pass *pass = context;
    struct onednn *conv = pass->conv;
    int size;
    const size_t first = (size_t)block_first(&conv->shape, pass->n, block, &size);
    run(conv, CONV2D_DATA, size, thread, pass->dx + first * input_row(&conv->shape),
        conv->packed[CONV2D_DATA], pass->dy + first * output_row(&conv->shape));
}

/* In the forward pass this was: y = conv(x, weight), block by block. */
void onednn_data(struct onednn *conv, float *dx, const float *dy, int n)
{
    struct pass pass = {.conv = conv, .dx = dx, .dy = dy, .n = n};
    parallel_run(conv->context->parallel, block_count(&conv->shape, n), data_block, &pass);
}

static void weight_block(void *context, int block, int thread)
{
    const struct pass *pass = context;
    struct onednn *conv = pass->conv;
    int size;
    const size_t first = (size_t)block_first(&conv->shape, pass->n, pass->from + block, &size);
    run(conv, CONV2D_WEIGHT, size, thread, pass->x + first * input_row(&conv->shape),
        partial(conv->context, 1 + block), pass->dy + first * output_row(&conv->shape));
}

CPU_CLONES static void add(float *restrict sum, const float *restrict term, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += term[i];
}

static void sum_slice(void *context, int slice, int thread)
{
    const struct pass *pass = context;
    const struct onednn *conv = pass->conv;
    const size_t first = (size_t)slice * SLICE, count = conv->bytes[CONV2D_WEIGHT] / sizeof(float);
    const size_t n = count - first < SLICE ? count - first : SLICE;
    float *sum = partial(conv->context, 0) + first;
    (void)thread;
    if (pass->from == 0)
        memset(sum, 0, n * sizeof *sum);
    for (int i = 0; i < pass->blocks; i++)
        add(sum, partial(conv->context, 1 + i) + first, n);
}

/* In the forward pass this was: y = conv(x, weight), block by block. Rounds of blocks bound the
 * memory; how many blocks a round has changes no order of addition. */
void onednn_weight(struct onednn *conv, float *dweight, const float *dy, const float *x, int n)
{
    const struct onednn_context *context = conv->context;
    const size_t count = conv->bytes[CONV2D_WEIGHT] / sizeof(float);
    const int slices = (int)((count + SLICE - 1) / SLICE), blocks = block_count(&conv->shape, n);
    struct pass pass = {.conv = conv, .dy = dy, .x = x, .n = n};
    for (; pass.from < blocks; pass.from += pass.blocks) {
        const int left = blocks - pass.from;
        pass.blocks = left < context->partials ? left : context->partials;
        parallel_run(context->parallel, pass.blocks, weight_block, &pass);
        parallel_run(context->parallel, slices, sum_slice, &pass);
    }
    dnnl_memory_set_data_handle(conv->packing[CONV2D_WEIGHT], partial(context, 0));
    dnnl_memory_set_data_handle(conv->master, dweight);
    repack(conv, CONV2D_WEIGHT, 0);
}

/* ---- what runs ------------------------------------------------------------------------------ */

void onednn_version(char *text, size_t size)
{
    static const struct {
        int bits; /* each set contains the bits of those it extends */
        const char *name;
    } set[] = {{dnnl_cpu_isa_sse41, "SSE4.1"}, {dnnl_cpu_isa_avx, "AVX"},
        {dnnl_cpu_isa_avx2, "AVX2"}, {dnnl_cpu_isa_avx512_core, "AVX-512"},
        {dnnl_cpu_isa_avx512_core_vnni, "AVX-512 VNNI"},
        {dnnl_cpu_isa_avx512_core_bf16, "AVX-512 BF16"}, {dnnl_cpu_isa_avx512_core_amx, "AMX"}};
    limit(cpu_level());
    const dnnl_version_t *v = dnnl_version();
    const int isa = (int)dnnl_get_effective_cpu_isa();
    const char *name = "generic";
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        if ((isa & set[i].bits) == set[i].bits)
            name = set[i].name;
    snprintf(text, size, "oneDNN %d.%d.%d %s", v->major, v->minor, v->patch, name);
}

const char *onednn_kernel(const struct onednn *conv, enum conv2d_direction direction)
{
    return conv->primitive[direction][0].kernel;
}
