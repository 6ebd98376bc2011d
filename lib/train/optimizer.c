/* optimizer -- LARS, SGD, Adam and AdamW over the parameters of a model.
 *
 * Tensors are cut into blocks of a fixed size. One round over the blocks looks at the gradients
 * (finite? how long?), a second one moves the weights and zeroes the gradients while they are in a
 * cache; in between, norms are added in block order.
 * SPDX-License-Identifier: MIT */
#include "lib/train/optimizer.h"

#include "lib/base/arena.h"
#include "lib/base/cpu.h"
#include "lib/train/adam.h"
#include "lib/train/lars.h"
#include "lib/train/sgd.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16384, NAME = 96 };

enum rule { LARS, SGD, ADAM, ADAMW };

/* What the optimiser keeps of one trained tensor. */
struct slot {
    const struct param *param;
    float *state[2]; /* velocity, or first and second moment */
    double decay;    /* 0 where the rule excludes it */
    bool adapted;    /* by LARS */
    double trust;    /* of the step at hand */
};

enum defect { NO_DEFECT, BAD_GRADIENT, BAD_VALUE, BAD_STATE };

struct block {
    struct slot *slot;
    size_t start, count;
    double weight, gradient; /* sums of squares */
    enum defect defect;
};

struct optimizer {
    enum rule rule;
    double momentum;
    bool nesterov;
    struct parallel *parallel;
    struct arena arena; /* of everything below */
    int slots, blocks;
    int states;            /* a slot: 1 or 2 */
    float *value;          /* of all states */
    struct slot *slot;     /* [slots] */
    struct block *block;   /* [blocks] */
    struct tensor *tensor; /* [states*slots] */
    char (*name)[NAME];    /* [states*slots] */
    double rate;           /* of the step at hand, */
    int64_t step;          /* and its number */
};

/* ---- making ---------------------------------------------------------------------------------- */

static int rule_of(const char *name)
{
    static const char *const names[] = {"lars", "sgd", "adam", "adamw"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

/* Floats of one state of a tensor, up to the next cache line. */
static size_t room(const struct param *param)
{
    return (param->count + 15) / 16 * 16;
}

/* Runs twice over the arena: counting, then handing out. */
static void lay_out(struct optimizer *o, size_t floats)
{
    const size_t tensors = (size_t)o->states * (size_t)o->slots;
    o->value = arena_take(&o->arena, floats, sizeof *o->value);
    o->slot = arena_take(&o->arena, (size_t)o->slots, sizeof *o->slot);
    o->block = arena_take(&o->arena, (size_t)o->blocks, sizeof *o->block);
    o->tensor = arena_take(&o->arena, tensors, sizeof *o->tensor);
    o->name = arena_take(&o->arena, tensors, sizeof *o->name);
}

static int allocate(struct optimizer *o, const struct params *params, struct err *err)
{
    size_t floats = 0, blocks = 0;
    for (int i = 0; i < params->count; i++) {
        const struct param *const param = &params->param[i];
        if (param->kind == PARAM_BUFFER)
            continue;
        o->slots++;
        blocks += (param->count + BLOCK - 1) / BLOCK;
        floats += (size_t)o->states * room(param);
    }
    if (blocks > INT_MAX)
        return err_set(err, ERR_FAILED, "cannot train %zu blocks of weights", blocks);
    o->blocks = (int)blocks;
    lay_out(o, floats);
    if (arena_alloc(&o->arena, "the optimiser", err) != 0)
        return -1;
    lay_out(o, floats);
    return 0;
}

/* Describe state `s` of slot `i` for state files. */
static void describe(struct optimizer *o, int i, int s)
{
    static const char *const prefix[2][2] = {{"momentum", NULL}, {"first", "second"}};
    const struct param *const param = o->slot[i].param;
    const int t = s * o->slots + i;
    snprintf(o->name[t], NAME, "%s.%s", prefix[o->states - 1][s], param->name);
    o->tensor[t] = (struct tensor){.name = o->name[t],
        .dtype = DTYPE_F32,
        .rank = param->rank,
        .data = o->slot[i].state[s],
        .bytes = param->count * sizeof(float)};
    memcpy(o->tensor[t].shape, param->shape, (size_t)param->rank * sizeof *param->shape);
}

/* Hand the memory out to slots and blocks. */
static void cut(struct optimizer *o, const struct params *params, double decay)
{
    float *value = o->value;
    struct slot *slot = o->slot;
    struct block *block = o->block;
    for (int i = 0; i < params->count; i++) {
        const struct param *const param = &params->param[i];
        const bool norm = param->kind == PARAM_GAMMA || param->kind == PARAM_BETA;
        const bool kernel = param->kind == PARAM_KERNEL, logits = param->kind == PARAM_LOGITS;
        if (param->kind == PARAM_BUFFER)
            continue;
        *slot = (struct slot){.param = param,
            .decay = (o->rule == LARS ? kernel || logits : !norm) ? decay : 0,
            .adapted = o->rule == LARS && kernel,
            .trust = 1};
        for (int s = 0; s < o->states; s++, value += room(param)) {
            slot->state[s] = value;
            describe(o, (int)(slot - o->slot), s);
        }
        for (size_t start = 0; start < param->count; start += BLOCK) {
            const size_t left = param->count - start;
            *block++ =
                (struct block){.slot = slot, .start = start, .count = left < BLOCK ? left : BLOCK};
        }
        slot++;
    }
}

struct optimizer *optimizer_new(const struct optimizer_options *options, struct params *params,
    struct parallel *parallel, struct err *err)
{
    const int rule = rule_of(options->name);
    if (rule < 0) {
        err_set(err, ERR_MISUSE, "unknown optimizer '%s': lars, sgd, adam or adamw", options->name);
        return NULL;
    }
    if (options->nesterov && (rule == ADAM || rule == ADAMW)) {
        err_set(err, ERR_MISUSE, "optimizer '%s' has no Nesterov momentum", options->name);
        return NULL;
    }
    struct optimizer *const o = calloc(1, sizeof *o);
    if (o == NULL) {
        err_memory(err, "the optimiser");
        return NULL;
    }
    *o = (struct optimizer){.rule = (enum rule)rule,
        .momentum = options->momentum,
        .nesterov = options->nesterov,
        .parallel = parallel,
        .states = rule == ADAM || rule == ADAMW ? 2 : 1};
    if (allocate(o, params, err) != 0) {
        optimizer_free(o);
        return NULL;
    }
    cut(o, params, options->decay);
    return o;
}

void optimizer_free(struct optimizer *o)
{
    if (o == NULL)
        return;
    arena_free(&o->arena);
    free(o);
}

struct tensor *optimizer_slots(struct optimizer *o, int *count)
{
    *count = o->states * o->slots;
    return o->tensor;
}

/* ---- stepping -------------------------------------------------------------------------------- */

/* No NaN or Inf among them. On the bits, so that the loop runs in vectors. */
CPU_CLONES
static bool finite(const float *x, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bits &= 0x7fffffff;
        largest = bits > largest ? bits : largest;
    }
    return largest < 0x7f800000;
}

static void look(void *context, int number, int thread)
{
    struct optimizer *const o = context;
    struct block *const block = &o->block[number];
    const struct param *const param = block->slot->param;
    const float *const grad = param->grad + block->start;
    (void)thread;
    block->defect = finite(grad, block->count) ? NO_DEFECT : BAD_GRADIENT;
    if (block->slot->adapted)
        lars_squares(&block->weight, &block->gradient, param->value + block->start, grad,
            block->count, block->slot->decay);
}

static void move(void *context, int number, int thread)
{
    struct optimizer *const o = context;
    struct block *const block = &o->block[number];
    const struct slot *const slot = block->slot;
    float *const w = slot->param->value + block->start;
    float *const a = slot->state[0] + block->start;
    float *const b = o->states == 2 ? slot->state[1] + block->start : NULL;
    float *const g = slot->param->grad + block->start;
    (void)thread;
    if (o->rule == LARS || o->rule == SGD)
        sgd_update(
            w, a, g, block->count, o->rate * slot->trust, o->momentum, slot->decay, o->nesterov);
    else
        adam_update(w, a, b, g, block->count, o->rate, o->step, slot->decay, o->rule == ADAMW);
    if (!finite(w, block->count))
        block->defect = BAD_VALUE;
    else if (!finite(a, block->count) || (b != NULL && !finite(b, block->count)))
        block->defect = BAD_STATE;
    memset(g, 0, block->count * sizeof *g);
}

/* Name the first tensor in which something is not finite. */
static int check(const struct optimizer *o, struct err *err)
{
    static const char *const what[] = {
        [BAD_GRADIENT] = "gradient", [BAD_VALUE] = "new value", [BAD_STATE] = "optimiser's state"};
    for (int i = 0; i < o->blocks; i++)
        if (o->block[i].defect != NO_DEFECT)
            return err_set(err, ERR_FAILED, "step %lld: the %s of '%s' is not finite",
                (long long)o->step, what[o->block[i].defect], o->block[i].slot->param->name);
    return 0;
}

/* Norms of whole tensors from those of their blocks, which stand in order. */
static void trust(struct optimizer *o)
{
    for (int i = 0; i < o->blocks;) {
        struct slot *const slot = o->block[i].slot;
        double weight = 0, gradient = 0;
        for (; i < o->blocks && o->block[i].slot == slot; i++) {
            weight += o->block[i].weight;
            gradient += o->block[i].gradient;
        }
        slot->trust = slot->adapted ? lars_trust(weight, gradient) : 1;
    }
}

int optimizer_step(struct optimizer *o, double rate, int64_t step, struct err *err)
{
    o->rate = rate;
    o->step = step;
    parallel_run(o->parallel, o->blocks, look, o);
    if (check(o, err) != 0)
        return -1;
    trust(o);
    parallel_run(o->parallel, o->blocks, move, o);
    return check(o, err);
}
