/* joint -- the parts of a step as one batch: what a step of one part gives, whatever the parts, the
 * memory, the scratch file and the threads.
 * SPDX-License-Identifier: MIT */
#include "lib/train/joint.h"

#include "lib/nn/gemm.h"
#include "lib/nn/mlp.h"
#include "lib/nn/resnet.h"
#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 16, SMALL = 9, ROWS = 12, WIDTH = 64, D = 24, P = 16, PARTS = 4 };

/* ---- an encoder, on pictures of two sizes ------------------------------------------------------ */

struct cut {
    int rows[PARTS], side[PARTS]; /* rows 0: no more parts */
};

/* Rows of a size are numbered in the order of their parts. */
static const struct cut whole = {{8, 4}, {LARGE, SMALL}},
                        cut = {{3, 1, 5, 3}, {LARGE, SMALL, LARGE, SMALL}};

struct result {
    float h[2][ROWS * WIDTH]; /* of each size */
    float *weights;           /* gradients, and running statistics, one after the other */
    size_t count, bytes, spilt;
    struct err err;
};

static void fill(float *out, size_t count, const char *name)
{
    const uint32_t key = noise_key(name);
    for (size_t i = 0; i < count; i++)
        out[i] = (float)noise(key, (uint32_t)i);
}

static void collect(struct result *r, const struct params *params)
{
    for (int i = 0; i < params->count; i++)
        r->count += params->param[i].count;
    r->weights = malloc(r->count * sizeof *r->weights);
    float *to = r->weights;
    for (int i = 0; i < params->count; i++) {
        const struct param *const p = &params->param[i];
        memcpy(to, p->grad != NULL ? p->grad : p->value, p->count * sizeof *to);
        to += p->count;
    }
}

/* One step of these parts, and before it one of half the rows, if wanted: memory is made twice then. */
static struct result encode(
    const struct cut *c, size_t memory, bool scratch, int threads, bool grow)
{
    static float grad[2][ROWS * WIDTH], pixel[ROWS * LARGE * LARGE * 3];
    static unsigned char pixels[2][ROWS * LARGE * LARGE * 3];
    struct result r = {.count = 0};
    const struct resnet_options options = {.name = "resnet20",
        .width = 1,
        .sizes = 2,
        .size = {{LARGE, LARGE}, {SMALL, SMALL}},
        .deviation = {1, 1, 1}};
    struct parallel *const parallel = parallel_new(threads, &r.err);
    struct resnet *const resnet = resnet_new(&options, parallel, &r.err);
    const struct model model = resnet_model(resnet);
    const int fd = scratch ? spill_open("simclr-unit-joint", &r.err) : -1;
    const struct joint_options o = {&model, memory, fd, 2, false};
    struct joint *const joint = joint_new(&o, &r.err);
    resnet_init(resnet, 1);
    for (int i = 0; i < model.params->count; i++) /* no gamma is 0 */
        if (model.params->param[i].kind == PARAM_GAMMA)
            fill(model.params->param[i].value, model.params->param[i].count,
                model.params->param[i].name);
    for (int size = 0; size < 2; size++) {
        fill(grad[size], ROWS * WIDTH, size == 0 ? "large" : "small");
        fill(pixel, ROWS * LARGE * LARGE * 3, size == 0 ? "pixels" : "smaller");
        for (int i = 0; i < ROWS * LARGE * LARGE * 3; i++)
            pixels[size][i] = (unsigned char)((pixel[i] + 1) * 128);
    }
    for (int step = grow ? 0 : 1; step < 2 && r.err.status == ERR_NONE; step++) {
        int first[2] = {0, 0}, parts = 0;
        joint_begin(joint);
        params_zero_grad(model.params);
        for (; parts < PARTS && c->rows[parts] > 0; parts++) {
            const int size = c->side[parts] == SMALL, side = c->side[parts];
            const size_t row = (size_t)side * (size_t)side * 3;
            const int rows = step == 0 ? (c->rows[parts] + 1) / 2 : c->rows[parts];
            joint_add(
                joint, pixels[size] + (size_t)first[size] * row, row, size, rows, step, &r.err);
            first[size] += rows;
        }
        if (joint_forward(joint, step, &r.err) < 0)
            break;
        first[0] = first[1] = 0;
        for (int i = 0; i < parts; i++) {
            const int size = c->side[i] == SMALL;
            const int rows = step == 0 ? (c->rows[i] + 1) / 2 : c->rows[i];
            const size_t at = (size_t)first[size] * WIDTH, n = (size_t)rows * WIDTH;
            memcpy(r.h[size] + at, joint_rows(joint, i), n * sizeof(float));
            memcpy(joint_rows(joint, i), grad[size] + at, n * sizeof(float));
            first[size] += rows;
        }
        joint_backward(joint);
    }
    collect(&r, model.params);
    r.bytes = joint_bytes(joint);
    r.spilt = joint_spilt(joint);
    joint_free(joint);
    if (fd >= 0)
        close(fd);
    resnet_free(resnet);
    parallel_free(parallel);
    return r;
}

static bool same(const struct result *a, const struct result *b)
{
    return a->err.status == ERR_NONE && b->err.status == ERR_NONE && a->count == b->count &&
           memcmp(a->h, b->h, sizeof a->h) == 0 &&
           memcmp(a->weights, b->weights, a->count * sizeof(float)) == 0;
}

static void test_encoder(void)
{
    struct result one = encode(&whole, SIZE_MAX, false, 2, false);
    struct result parts = encode(&cut, SIZE_MAX, false, 2, false);
    struct result grown = encode(&cut, SIZE_MAX, false, 2, true);
    OK(one.err.status == ERR_NONE && one.spilt == 0, "a step of two parts %s", one.err.text);
    OK(same(&one, &parts), "four parts with the same rows in the same order give the same bits");
    OK(memcmp(one.h, grown.h, sizeof one.h) == 0, "so does memory that has grown");
    OK(memcmp(one.weights, grown.weights, one.count * sizeof(float)) != 0,
        "a step before has moved the running statistics");
    const size_t memory[] = {1, 4096, 100000, one.bytes / 3, one.bytes / 2, one.bytes - 5000};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) {
        struct result spilt = encode(&cut, memory[i], true, (int)i % 3 + 1, false);
        OK(same(&one, &spilt) && spilt.bytes == one.bytes, "%zu of %zu bytes in memory %s",
            memory[i], one.bytes, spilt.err.text);
        OK(spilt.bytes - spilt.spilt <= memory[i] && spilt.spilt > 0, "%zu in the file",
            spilt.spilt);
        struct result again = encode(&cut, memory[i], true, 2, true);
        OK(memcmp(again.h, grown.h, sizeof again.h) == 0 &&
                memcmp(again.weights, grown.weights, again.count * sizeof(float)) == 0,
            "the file may grow");
        free(spilt.weights);
        free(again.weights);
    }
    struct result enough = encode(&cut, one.bytes, true, 1, false);
    OK(same(&one, &enough) && enough.spilt == 0, "a file that is not needed is not used");
    struct result small = encode(&whole, one.bytes - 1, false, 1, false);
    OK(small.err.status == ERR_FAILED && strstr(small.err.text, "activations of a whole step") &&
            strstr(small.err.hint, "--memory") && strstr(small.err.hint, "--scratch"),
        "%s; %s", small.err.text, small.err.hint);
    const struct cut few = {{5, 1}, {LARGE, SMALL}};
    struct result lone = encode(&few, SIZE_MAX, false, 1, false);
    OK(lone.err.status == ERR_INPUT && strstr(lone.err.text, "step 1 has 1 row of a size"), "%s",
        lone.err.text);
    free(one.weights);
    free(parts.weights);
    free(grown.weights);
    free(enough.weights);
    free(small.weights);
    free(lone.weights);
}

/* ---- a head, in parts of any order --------------------------------------------------------------- */

struct head {
    float z[ROWS * P], dh[ROWS * D], grad[D * P], variance[P];
};

/* `order` [ROWS] which row comes when; `rows` of each part. */
static struct head project(const int *order, const int *rows, size_t memory, bool scratch)
{
    struct head r = {.z = {0}};
    struct err err = {0};
    float h[ROWS * D], dz[ROWS * P], in[ROWS * D];
    const struct mlp_options options = {MLP_LINEAR, 1, D, D, P, false, 0};
    struct parallel *const parallel = parallel_new(2, &err);
    struct mlp *const mlp = mlp_new(&options, parallel, &err);
    const struct model model = mlp_model(mlp);
    const int fd = scratch ? spill_open("simclr-unit-joint", &err) : -1;
    const struct joint_options o = {&model, memory, fd, 2, true};
    struct joint *const joint = joint_new(&o, &err);
    mlp_init(mlp, 1);
    fill(h, ROWS * D, "h");
    fill(dz, ROWS * P, "dz");
    joint_begin(joint);
    params_zero_grad(model.params);
    for (int i = 0; i < ROWS; i++)
        memcpy(in + i * D, h + order[i] * D, D * sizeof(float));
    for (int i = 0, first = 0; first < ROWS; first += rows[i++])
        joint_add(joint, in + first * D, D * sizeof(float), 0, rows[i], 0, &err);
    OK(joint_forward(joint, 0, &err) == 0, "a head %s", err.text);
    for (int i = 0, first = 0; first < ROWS; first += rows[i++])
        for (int row = 0; row < rows[i]; row++) {
            float *const z = joint_rows(joint, i) + row * P;
            memcpy(r.z + order[first + row] * P, z, P * sizeof(float));
            memcpy(z, dz + order[first + row] * P, P * sizeof(float));
        }
    joint_backward(joint);
    for (int i = 0, first = 0; first < ROWS; first += rows[i++])
        for (int row = 0; row < rows[i]; row++)
            memcpy(r.dh + order[first + row] * D, joint_input_gradient(joint, i) + row * D,
                D * sizeof(float));
    memcpy(r.grad, params_find(model.params, "0.weight")->grad, sizeof r.grad);
    memcpy(r.variance, params_find(model.params, "0.bn.running_var")->value, sizeof r.variance);
    joint_free(joint);
    if (fd >= 0)
        close(fd);
    mlp_free(mlp);
    parallel_free(parallel);
    return r;
}

static void test_head(void)
{
    static const int rows[] = {1, 5, 2, 4}, all[] = {ROWS};
    static const int forth[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    static const int mixed[ROWS] = {7, 2, 0, 11, 5, 1, 9, 10, 3, 8, 4, 6};
    const struct head one = project(forth, all, SIZE_MAX, false);
    const struct head parts = project(mixed, rows, SIZE_MAX, false);
    const struct head spilt = project(mixed, rows, 5000, true);
    OK(memcmp(&parts, &spilt, sizeof parts) == 0, "a scratch file does not change a bit");
    double worst = 0, largest = 0;
    const float *const a = (const float *)&one, *const b = (const float *)&parts;
    for (size_t i = 0; i < sizeof one / sizeof(float); i++) {
        worst = fmax(worst, fabs((double)a[i] - b[i]));
        largest = fmax(largest, fabs(a[i]));
    }
    OK(largest > 1 && worst < 1e-5 * largest, "parts in another order differ by rounding: %.1e",
        worst / largest);
}

/* What the plan says is known beforehand. */
static void test_check(void)
{
    struct err err = {0};
    const struct mlp_options options = {MLP_LINEAR, 1, D, D, P, false, 0};
    struct mlp *const mlp = mlp_new(&options, NULL, &err);
    const struct model model = mlp_model(mlp);
    const size_t need = model.tape_size(mlp, 0, 6, true);
    const struct plan plan = {3, 2, 1, 1, 1, 0}, huge = {2147483647, 1024, 1, 1, 1, 0};
    struct header *const header = header_new("features", &err);
    const int width = D;
    header_add(header, "h", DTYPE_F32, 1, &width, &err);
    header_set_plan(header, &plan, &err);
    for (int more = -1; more <= 0; more++)
        for (int fd = -1; fd <= 0; fd++) {
            const struct joint_options o = {&model, need + (size_t)more, fd, 2, false};
            struct joint *const joint = joint_new(&o, &err);
            struct err said = {0};
            const bool fine = more == 0 || fd == 0;
            OK((joint_check(joint, header, 0, &said) == 0) == fine &&
                    said.status == (fine ? ERR_NONE : ERR_MISUSE),
                "%d of the bytes, file %d: %s", more, fd, said.text);
            joint_free(joint);
        }
    header_set_plan(header, &huge, &err);
    const struct joint_options o = {&model, SIZE_MAX / 2, 0, 2, false};
    struct joint *const joint = joint_new(&o, &err);
    OK(joint_check(joint, header, 0, &err) < 0 && err.status == ERR_MISUSE,
        "more rows than int: %s", err.text);
    joint_free(joint);
    header_free(header);
    mlp_free(mlp);
}

int main(void)
{
    struct err err = {0};
    if (gemm_init(&err) != 0) {
        OK(0, "%s", err.text);
        return tap_done();
    }
    test_encoder();
    test_head();
    test_check();
    return tap_done();
}
