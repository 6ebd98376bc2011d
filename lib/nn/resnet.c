/* resnet -- stem, residual blocks, global average: u8 pictures to features.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/resnet.h"

#include "lib/base/shape.h"
#include "lib/nn/block.h"
#include "lib/nn/pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 4, BLOCKS = 50, UNITS = 1 + BLOCKS * (BLOCK_UNITS + 1), WIDTH = 64 };

static const struct variant {
    const char *name;
    bool bottleneck, small;
    int depth[GROUPS]; /* blocks of each group */
} variants[] = {
    {"resnet18", false, false, {2, 2, 2, 2}},
    {"resnet34", false, false, {3, 4, 6, 3}},
    {"resnet50", true, false, {3, 4, 6, 3}},
    {"resnet101", true, false, {3, 4, 23, 3}},
    {"resnet152", true, false, {3, 8, 36, 3}},
    {"resnet20", false, true, {3, 3, 3, 0}},
    {"resnet32", false, true, {5, 5, 5, 0}},
    {"resnet44", false, true, {7, 7, 7, 0}},
    {"resnet56", false, true, {9, 9, 9, 0}},
};

/* The encoder for pictures of one size: shapes and primitives. */
struct network {
    int height, width; /* of a picture */
    size_t in_row;     /* bytes of one */
    struct block_unit stem;
    bool pool; /* 3x3 maximum behind the stem */
    int blocks;
    struct block block[BLOCKS];
    int units;
    struct block_unit *unit[UNITS]; /* all of them */
    int h, w, features;             /* of the last map */
};

struct resnet {
    struct params params; /* of all networks */
    struct block_common common;
    int networks;
    struct network *network[STREAM_SIZES];
    float pixel[3][256]; /* what a byte becomes, before it is rounded to the precision */
};

/* The memory of one part. */
struct tape {
    const struct network *network;
    struct arena arena;
    void *pixels; /* [N,H,W,3], normalised */
    struct block_unit_tape stem;
    void *pooled; /* [N,Y,X,C] behind the stem's pool */
    uint8_t *index;
    struct block_tape block[BLOCKS];
    struct block_scratch scratch;
};

/* ---- names ---------------------------------------------------------------------------------- */

static const struct variant *find(const char *name)
{
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
        if (strcmp(variants[i].name, name) == 0)
            return &variants[i];
    return NULL;
}

bool resnet_known(const char *name)
{
    return find(name) != NULL;
}

const char *resnet_names(void)
{
    return "resnet18|resnet34|resnet50|resnet101|resnet152|resnet20|resnet32|resnet44|resnet56";
}

bool resnet_small(const char *name)
{
    const struct variant *variant = find(name);
    return variant != NULL && variant->small;
}

/* ---- making --------------------------------------------------------------------------------- */

/* Append a unit. The first network adds its parameters, those of other sizes have the same. */
static int add_unit(struct resnet *resnet, struct network *network, struct block_unit *unit,
    const char *conv, const char *norm, struct err *err)
{
    const struct network *const first = resnet->network[0];
    const int number = network->units++;
    network->unit[number] = unit;
    if (network == first)
        return block_unit_add(unit, &resnet->params, conv, norm, err);
    unit->weight = first->unit[number]->weight;
    unit->gamma = first->unit[number]->gamma;
    return 0;
}

/* Append the block `number` of a group that begins at the map [h,w,c]; `inner` is the width of its
 * 3x3 convolutions. */
static int add_block(struct resnet *resnet, struct network *network, const struct variant *variant,
    int group, int number, int inner, int stride, struct err *err)
{
    const int h = network->h, w = network->w, c = network->features;
    const int k = variant->bottleneck ? 4 * inner : inner;
    struct block *block = &network->block[network->blocks++];
    char prefix[32], conv[48], norm[48];
    snprintf(prefix, sizeof prefix, "layer%d.%d", group + 1, number);
    block->units = variant->bottleneck ? 3 : 2;
    block->unit[0].shape = (struct conv2d_shape){h, w, c, inner, 3, 3, stride, 1};
    if (variant->bottleneck)
        block->unit[0].shape = (struct conv2d_shape){h, w, c, inner, 1, 1, 1, 0};
    const int units_stride = variant->bottleneck ? stride : 1;
    const int y = variant->bottleneck ? h : conv2d_y(&block->unit[0].shape);
    const int x = variant->bottleneck ? w : conv2d_x(&block->unit[0].shape);
    block->unit[1].shape = (struct conv2d_shape){y, x, inner, inner, 3, 3, units_stride, 1};
    network->h = conv2d_y(&block->unit[1].shape);
    network->w = conv2d_x(&block->unit[1].shape);
    network->features = k;
    block->unit[2].shape = (struct conv2d_shape){network->h, network->w, inner, k, 1, 1, 1, 0};
    for (int i = 0; i < block->units; i++) {
        snprintf(conv, sizeof conv, "%s.conv%d", prefix, i + 1);
        snprintf(norm, sizeof norm, "%s.bn%d", prefix, i + 1);
        if (add_unit(resnet, network, &block->unit[i], conv, norm, err) != 0)
            return -1;
    }
    if (stride == 1 && c == k)
        return 0;
    block->shortcut = variant->small ? BLOCK_SUBSAMPLE : BLOCK_PROJECTION;
    if (variant->small)
        return 0;
    block->projection.shape = (struct conv2d_shape){h, w, c, k, 1, 1, stride, 0};
    snprintf(conv, sizeof conv, "%s.downsample.0", prefix);
    snprintf(norm, sizeof norm, "%s.downsample.1", prefix);
    return add_unit(resnet, network, &block->projection, conv, norm, err);
}

/* Shapes and names of everything. */
static int build(struct resnet *resnet, struct network *network, const struct variant *variant,
    const struct resnet_options *options, struct err *err)
{
    const int width = (variant->small ? 16 : 64) * options->width, h = network->height,
              w = network->width;
    network->in_row = (size_t)h * (size_t)w * 3;
    network->pool = options->imagenet_stem && !variant->small;
    network->stem.shape = (struct conv2d_shape){h, w, 3, width, 3, 3, 1, 1};
    if (network->pool)
        network->stem.shape = (struct conv2d_shape){h, w, 3, width, 7, 7, 2, 3};
    network->h = conv2d_y(&network->stem.shape);
    network->w = conv2d_x(&network->stem.shape);
    network->features = width;
    if (network->pool) {
        network->h = (network->h - 1) / 2 + 1;
        network->w = (network->w - 1) / 2 + 1;
    }
    if (add_unit(resnet, network, &network->stem, "conv1", "bn1", err) != 0)
        return -1;
    for (int group = 0; group < GROUPS; group++)
        for (int i = 0; i < variant->depth[group]; i++)
            if (add_block(resnet, network, variant, group, i, width << group,
                    group > 0 && i == 0 ? 2 : 1, err) != 0)
                return -1;
    return 0;
}

/* A stride over a map of one pixel would be none. */
static int check_size(const struct variant *variant, const struct resnet_options *options, int h,
    int w, struct err *err)
{
    const int strides = variant->small ? 4 : options->imagenet_stem ? 32 : 8;
    const int smaller = h < w ? h : w, larger = h < w ? w : h;
    if (smaller <= strides / 2 || larger > 65535)
        return err_set(err, ERR_MISUSE, "pictures of %dx%d do not fit %s: %d to 65535 a side", w, h,
            options->name, strides / 2 + 1);
    if ((size_t)h * (size_t)w > STREAM_RECORD / 3) /* places of a map are counted in int */
        return err_set(err, ERR_MISUSE, "pictures of %dx%d are larger than any record", w, h);
    return 0;
}

static int check(
    const struct variant *variant, const struct resnet_options *options, struct err *err)
{
    if (options->width < 1 || options->width > WIDTH)
        return err_set(err, ERR_MISUSE, "width %d of %s is not in 1 .. %d", options->width,
            options->name, WIDTH);
    if (options->sizes < 1 || options->sizes > STREAM_SIZES)
        return err_set(
            err, ERR_MISUSE, "pictures of %d sizes, not of 1 to %d", options->sizes, STREAM_SIZES);
    for (int i = 0; i < options->sizes; i++)
        if (check_size(variant, options, options->size[i][0], options->size[i][1], err) < 0)
            return -1;
    for (int i = 0; i < 3; i++)
        if (!(options->deviation[i] > 0) || !isfinite(options->deviation[i]) ||
            !isfinite(options->mean[i]))
            return err_set(err, ERR_MISUSE, "deviation of pixels must be above 0, and mean finite");
    return 0;
}

/* The network of that size, or -1. */
static int find_network(const struct resnet *resnet, int height, int width)
{
    for (int i = 0; i < resnet->networks; i++)
        if (resnet->network[i]->height == height && resnet->network[i]->width == width)
            return i;
    return -1;
}

/* Primitives and packed weights: of the first size at once, of others when a part of them is met, so
 * that a header that only says many sizes costs nothing. */
static int make_network(struct resnet *resnet, struct network *network, struct err *err)
{
    int status = 0;
    for (int i = 0; i < network->units && status == 0; i++)
        if (network->unit[i]->conv == NULL)
            status = block_unit_make(network->unit[i], &resnet->common, err);
    return status;
}

static int add_network(struct resnet *resnet, const struct variant *variant,
    const struct resnet_options *options, const int size[2], struct err *err)
{
    if (find_network(resnet, size[0], size[1]) >= 0)
        return 0;
    struct network *const network = calloc(1, sizeof *network);
    if (network == NULL)
        return err_memory(err, "an encoder");
    network->height = size[0];
    network->width = size[1];
    resnet->network[resnet->networks++] = network;
    if (build(resnet, network, variant, options, err) != 0)
        return -1;
    if (resnet->networks > 1)
        return 0;
    return params_alloc(&resnet->params, err) != 0 ? -1 : make_network(resnet, network, err);
}

struct resnet *resnet_new(
    const struct resnet_options *options, struct parallel *parallel, struct err *err)
{
    const struct variant *variant = find(options->name);
    if (variant == NULL) {
        err_set(
            err, ERR_MISUSE, "unknown encoder '%s'; there are %s", options->name, resnet_names());
        return NULL;
    }
    if (check(variant, options, err) != 0)
        return NULL;
    struct resnet *resnet = calloc(1, sizeof *resnet);
    if (resnet == NULL) {
        err_memory(err, "an encoder");
        return NULL;
    }
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            resnet->pixel[c][i] = (float)((i / 255.0 - options->mean[c]) / options->deviation[c]);
    resnet->common = (struct block_common){.parallel = parallel,
        .context = conv2d_context_new(parallel, options->precision, err),
        .params = &resnet->params,
        .frozen = options->frozen,
        .precision = options->precision};
    int status = resnet->common.context == NULL ? -1 : 0;
    for (int i = 0; i < options->sizes && status == 0; i++)
        status = add_network(resnet, variant, options, options->size[i], err);
    if (status != 0 || conv2d_reserve(resnet->common.context, err) != 0) {
        resnet_free(resnet);
        return NULL;
    }
    return resnet;
}

void resnet_free(struct resnet *resnet)
{
    if (resnet == NULL)
        return;
    for (int n = 0; n < resnet->networks; n++) {
        for (int i = 0; i < resnet->network[n]->units; i++)
            block_unit_free(resnet->network[n]->unit[i]);
        free(resnet->network[n]);
    }
    conv2d_context_free(resnet->common.context);
    params_free(&resnet->params);
    free(resnet);
}

/* The units of all networks, one network after the other. */
static void refresh_unit(void *context, int number, int thread)
{
    const struct resnet *resnet = context;
    const int units = resnet->network[0]->units;
    struct conv2d *conv = resnet->network[number / units]->unit[number % units]->conv;
    if (conv != NULL)
        conv2d_refresh(conv, thread);
}

static void refresh(void *self)
{
    struct resnet *resnet = self;
    parallel_run(resnet->common.parallel, resnet->networks * resnet->network[0]->units,
        refresh_unit, resnet);
}

struct draw {
    struct resnet *resnet;
    int64_t seed;
};

static void init_unit(void *context, int number, int thread)
{
    const struct draw *draw = context;
    const struct block_unit *unit = draw->resnet->network[0]->unit[number];
    const struct conv2d_shape *p = &unit->shape;
    struct param *param = &draw->resnet->params.param[unit->weight];
    (void)thread;
    weights_truncated_normal(param, draw->seed, sqrt(1.0 / ((double)p->c * p->r * p->s)));
    weights_fill(param + 1, 1); /* gamma */
    weights_fill(param + 2, 0); /* beta */
    weights_fill(param + 3, 0); /* running mean */
    weights_fill(param + 4, 1); /* running variance */
}

void resnet_init(struct resnet *resnet, int64_t seed)
{
    struct draw draw = {resnet, seed};
    const struct network *network = resnet->network[0];
    parallel_run(resnet->common.parallel, network->units, init_unit, &draw);
    for (int i = 0; i < network->blocks; i++) {
        const struct block *block = &network->block[i];
        weights_fill(&resnet->params.param[block->unit[block->units - 1].gamma], 0);
    }
    refresh(resnet);
}

/* ---- tape ----------------------------------------------------------------------------------- */

static void layout(const struct block_common *common, const struct network *network,
    struct tape *tape, int rows, bool training)
{
    const size_t size = precision_size(common->precision);
    struct arena *arena = &tape->arena;
    size_t largest = 0, scratch = 0;
    for (int i = 0; i < network->units; i++) {
        const size_t elements = block_unit_elements(network->unit[i], rows);
        const size_t more = block_unit_scratch(network->unit[i], rows);
        largest = elements > largest ? elements : largest;
        scratch = more > scratch ? more : scratch;
    }
    for (int i = 0; i < (training ? BLOCK_GRADIENTS : BLOCK_MAPS); i++)
        tape->scratch.map[i] = arena_take(arena, largest, size);
    tape->scratch.batchnorm = arena_take(arena, scratch, sizeof(float));
    tape->pixels = arena_take(arena, shape_times((size_t)rows, network->in_row), size);
    block_unit_layout(
        common, &network->stem, &tape->stem, arena, rows, training, tape->scratch.map[0]);
    int map = 0;
    if (network->pool) {
        const struct conv2d_shape *p = &network->block[0].unit[0].shape;
        const size_t area = shape_times((size_t)p->h, (size_t)p->w);
        const size_t elements = shape_times((size_t)rows, shape_times(area, (size_t)p->c));
        tape->pooled = training ? arena_take(arena, elements, size) : tape->scratch.map[++map];
        tape->index = arena_take(arena, elements, 1);
    }
    for (int i = 0; i < network->blocks; i++)
        block_layout(common, &network->block[i], &tape->block[i], arena, rows, training,
            &tape->scratch, &map);
}

static int size(const void *self, const int *shape, struct err *err)
{
    const int found = shape[2] == 3 ? find_network(self, shape[0], shape[1]) : -1;
    return found >= 0 ? found
                      : err_set(err, ERR_INPUT,
                            "a picture is [%d,%d,%d], which is none of the "
                            "sizes that the header says",
                            shape[0], shape[1], shape[2]);
}

static size_t tape_size(const void *self, int which, int rows, bool training)
{
    const struct resnet *resnet = self;
    struct tape tape = {0};
    layout(&resnet->common, resnet->network[which], &tape, rows, training);
    return shape_plus(tape.arena.used, sizeof tape);
}

static void tape_free(void *opaque)
{
    struct tape *tape = opaque;
    if (tape != NULL)
        arena_free(&tape->arena);
    free(tape);
}

static void *tape_new(
    void *self, int which, int rows, bool training, const struct spill *spill, struct err *err)
{
    struct resnet *resnet = self;
    struct network *network = resnet->network[which];
    struct tape *tape = calloc(1, sizeof *tape);
    if (tape == NULL) {
        err_memory(err, "activations");
        return NULL;
    }
    tape->network = network;
    tape->scratch.spill = spill;
    int status = make_network(resnet, network, err);
    for (int i = 0; i < network->units && training && status == 0; i++)
        status = conv2d_train(network->unit[i]->conv, i > 0, err); /* pictures need no gradient */
    if (status == 0)
        status = conv2d_reserve(resnet->common.context, err);
    layout(&resnet->common, network, tape, rows, training);
    if (status == 0 && spill != NULL)
        arena_lend(&tape->arena, spill->base, spill->bytes);
    else if (status == 0)
        status = arena_alloc(&tape->arena, "activations", err);
    if (status != 0) {
        tape_free(tape);
        return NULL;
    }
    layout(&resnet->common, network, tape, rows, training);
    return tape;
}

/* ---- forward and backward ------------------------------------------------------------------- */

struct pictures {
    const struct resnet *resnet;
    size_t in_row;
    void *out;
    const uint8_t *in;
};

static void picture(void *context, int row, int thread)
{
    const struct pictures *p = context;
    const size_t n = p->in_row;
    const uint8_t *in = p->in + (size_t)row * n;
    (void)thread;
    if (p->resnet->common.precision == PRECISION_BF16) {
        uint16_t *out = (uint16_t *)p->out + (size_t)row * n;
        for (size_t i = 0; i < n; i += 3)
            for (size_t c = 0; c < 3; c++)
                out[i + c] = precision_narrow(p->resnet->pixel[c][in[i + c]]);
    } else {
        float *out = (float *)p->out + (size_t)row * n;
        for (size_t i = 0; i < n; i += 3)
            for (size_t c = 0; c < 3; c++)
                out[i + c] = p->resnet->pixel[c][in[i + c]];
    }
}

static void forward(
    void *self, void *opaque, float *out, const void *in, int rows, enum model_mode mode)
{
    const struct resnet *resnet = self;
    struct tape *tape = opaque;
    const struct network *network = tape->network;
    const struct block_common *common = &resnet->common;
    const struct conv2d_shape *stem = &network->stem.shape;
    struct pictures pictures = {resnet, network->in_row, tape->pixels, in};
    parallel_run(common->parallel, rows, picture, &pictures);
    block_unit_forward(
        common, &network->stem, &tape->stem, tape->pixels, NULL, true, rows, mode, &tape->scratch);
    spill_leave(tape->scratch.spill, tape->pixels,
        (size_t)rows * network->in_row * precision_size(common->precision));
    const void *map = tape->stem.y;
    if (network->pool) {
        pool_maximum_forward(common->parallel, tape->pooled, tape->index, map, common->precision,
            rows, conv2d_y(stem), conv2d_x(stem), stem->k);
        map = tape->pooled;
        spill_leave(tape->scratch.spill, tape->stem.y,
            block_unit_elements(&network->stem, rows) * precision_size(common->precision));
    }
    for (int i = 0; i < network->blocks; i++)
        map = block_forward(
            common, &network->block[i], &tape->block[i], map, rows, mode, &tape->scratch);
    pool_average_forward(common->parallel, out, map, common->precision, rows,
        network->h * network->w, network->features);
}

/* What a block took in. */
static const void *block_input(const struct tape *tape, int block)
{
    const struct network *network = tape->network;
    if (block > 0)
        return tape->block[block - 1].unit[network->block[block - 1].units - 1].y;
    return network->pool ? tape->pooled : tape->stem.y;
}

/* In the forward pass this was: out = average(blocks(pool(stem(pixels)))). */
static void backward(
    void *self, void *opaque, float *grad_in, const float *grad_out, const void *in, int rows)
{
    const struct resnet *resnet = self;
    struct tape *tape = opaque;
    const struct network *network = tape->network;
    const struct block_common *common = &resnet->common;
    const struct conv2d_shape *stem = &network->stem.shape;
    const struct conv2d_shape *input = &network->block[0].unit[0].shape;
    void *const *map = tape->scratch.map;
    struct block_gradient gradient = {0, BLOCK_NONE};
    (void)grad_in; /* pixels have no gradient */
    (void)in;      /* they are in the tape, normalised */
    pool_average_backward(common->parallel, map[gradient.map], grad_out, common->precision, rows,
        network->h * network->w, network->features);
    for (int i = network->blocks - 1; i >= 0; i--)
        gradient = block_backward(common, &network->block[i], &tape->block[i], block_input(tape, i),
            rows, gradient, &tape->scratch);
    void *dy = map[gradient.map];
    if (gradient.more != BLOCK_NONE)
        pool_add(common->parallel, dy, map[gradient.more], common->precision,
            shape_times(
                (size_t)rows, shape_times((size_t)(input->h * input->w), (size_t)input->c)));
    if (network->pool) {
        void *const pooled = dy;
        dy = map[(gradient.map + 1) % BLOCK_GRADIENTS];
        pool_maximum_backward(common->parallel, dy, pooled, tape->index, common->precision, rows,
            conv2d_y(stem), conv2d_x(stem), stem->k);
    }
    block_unit_backward(common, &network->stem, &tape->stem, NULL, dy, NULL, dy, NULL, tape->pixels,
        true, rows, &tape->scratch);
}

struct model resnet_model(struct resnet *resnet)
{
    return (struct model){
        .self = resnet,
        .params = &resnet->params,
        .out_width = resnet->network[0]->features,
        .size = size,
        .tape_size = tape_size,
        .tape_new = tape_new,
        .tape_free = tape_free,
        .forward = forward,
        .backward = backward,
        .refresh = refresh,
    };
}
