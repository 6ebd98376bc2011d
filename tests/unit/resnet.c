/* resnet -- whole encoders against PyTorch, features and all weight gradients; modes, parts,
 * threads.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/resnet.h"

#include "lib/train/joint.h"
#include "tests/unit/digest.h"

#include <unistd.h>

struct net {
    struct parallel *parallel;
    struct resnet *resnet;
    struct model model;
    int rows;
    size_t in_row;
    uint8_t *pixels;
    float *out, *grad;
    void *tape;
};

static struct net net_new(
    const char *name, bool imagenet, int size, int rows, bool frozen, int threads)
{
    struct err err = {0};
    struct net net = {.rows = rows,
        .in_row = (size_t)size * (size_t)size * 3,
        .parallel = parallel_new(threads, &err)};
    const struct resnet_options options = {.name = name,
        .width = 1,
        .imagenet_stem = imagenet,
        .sizes = 1,
        .size = {{size, size}},
        .frozen = frozen,
        .mean = {0.5, 0.45, 0.4},
        .deviation = {0.25, 0.2, 0.3}};
    net.resnet = resnet_new(&options, net.parallel, &err);
    if (net.resnet == NULL) {
        OK(0, "%s", err.text);
        exit(1);
    }
    net.model = resnet_model(net.resnet);
    net.tape = net.model.tape_new(net.model.self, 0, rows, true, NULL, &err);
    net.pixels = malloc((size_t)rows * net.in_row);
    net.out = calloc((size_t)rows * (size_t)net.model.out_width, sizeof(float));
    net.grad = calloc((size_t)rows * (size_t)net.model.out_width, sizeof(float));
    return net;
}

static void net_free(struct net *net)
{
    net->model.tape_free(net->tape);
    resnet_free(net->resnet);
    parallel_free(net->parallel);
    free(net->pixels);
    free(net->out);
    free(net->grad);
}

/* Weights, pixels and gradient as fill() and run() of make_encoder.py draw them. */
static void fill(struct net *net, int seed)
{
    char name[120];
    for (int i = 0; i < net->model.params->count; i++) {
        struct param *p = &net->model.params->param[i];
        const char *last = strrchr(p->name, '.') + 1;
        double scale = 0.3, offset = 0;
        if (p->kind == PARAM_KERNEL)
            scale = sqrt(6 / (double)(p->shape[1] * p->shape[2] * p->shape[3]));
        else if (p->kind == PARAM_GAMMA)
            offset = 0.7;
        else if (p->kind == PARAM_BUFFER)
            scale = 0.5;
        if (strcmp(last, "running_var") == 0)
            offset = 1.5;
        snprintf(name, sizeof name, "%d%s", seed, p->name);
        digest_fill(p->value, name, p->count, scale, offset);
    }
    net->model.refresh(net->model.self);
    snprintf(name, sizeof name, "%dpixels", seed);
    for (size_t i = 0; i < (size_t)net->rows * net->in_row; i++)
        net->pixels[i] = (uint8_t)(digest_hash(digest_key(name), i) >> 56);
    snprintf(name, sizeof name, "%ddh", seed);
    digest_fill(net->grad, name, (size_t)net->rows * (size_t)net->model.out_width, 1, 0);
}

static void forward(struct net *net, enum model_mode mode)
{
    net->model.forward(net->model.self, net->tape, net->out, net->pixels, net->rows, mode);
}

static void backward(struct net *net)
{
    net->model.backward(net->model.self, net->tape, NULL, net->grad, net->pixels, net->rows);
}

/* Digests of all gradients (or buffers) hold against the golden, tensor by tensor. */
static void check_params(
    const struct safetensors *file, const char *name, const struct params *params, bool buffers)
{
    char key[120];
    snprintf(key, sizeof key, "%s.%s", name, buffers ? "buffer" : "grad");
    const struct tensor *golden = safetensors_find(file, key);
    size_t used = 0;
    double worst = 0;
    const char *where = "";
    for (int i = 0; i < params->count && golden != NULL; i++) {
        const struct param *p = &params->param[i];
        float have[DIGEST_WHOLE], want[DIGEST_WHOLE];
        if ((p->kind == PARAM_BUFFER) != buffers)
            continue;
        snprintf(key, sizeof key, "%s.%s", buffers ? "buffer" : "grad", p->name);
        const int n = digest_make(have, key, buffers ? p->value : p->grad, p->count);
        if ((used + (size_t)n) * sizeof(float) > golden->bytes)
            break;
        memcpy(want, (const float *)golden->data + used, (size_t)n * sizeof(float));
        used += (size_t)n;
        /* Entries, projections and the norm differ in size: each kind by itself. */
        const int cut[4] = {0, n == DIGEST_SIZE && p->count > DIGEST_WHOLE ? DIGEST_ENTRIES : n,
            n == DIGEST_SIZE && p->count > DIGEST_WHOLE ? DIGEST_ENTRIES + DIGEST_PROJECTIONS : n,
            n};
        for (int kind = 0; kind < 3; kind++) {
            double difference = 0, norm = 0;
            for (int j = cut[kind]; j < cut[kind + 1]; j++) {
                difference += pow((double)have[j] - want[j], 2);
                norm += pow(want[j], 2);
            }
            const double error = norm > 0 ? sqrt(difference / norm) : sqrt(difference);
            if (!(error <= worst)) {
                worst = error;
                where = p->name;
            }
        }
    }
    OK(golden != NULL && used * sizeof(float) == golden->bytes,
        "%s: as many %s as in the golden (%zu numbers)", name, buffers ? "buffers" : "gradients",
        used);
    OK(worst < 1e-4, "%s: %s, worst %.1e (%s)", name,
        buffers ? "running statistics" : "all weight gradients", worst, where);
}

static void against_golden(
    const struct safetensors *file, const char *name, bool imagenet, int size, bool frozen)
{
    char key[80];
    float seed = 0;
    snprintf(key, sizeof key, "%s.seed", name);
    const struct tensor *tensor = safetensors_find(file, key);
    if (tensor != NULL && tensor->bytes == sizeof seed)
        memcpy(&seed, tensor->data, sizeof seed);
    struct net net = net_new(name, imagenet, size, 4, frozen, 2);
    const size_t n = 4 * (size_t)net.model.out_width;
    fill(&net, (int)seed);
    forward(&net, MODEL_EVAL);
    snprintf(key, sizeof key, "%s.eval", name);
    double error = digest_error(file, key, net.out, n);
    OK(error < 1e-4, "%s: features with running statistics: %.1e", name, error);
    forward(&net, MODEL_TRAIN);
    snprintf(key, sizeof key, "%s.h", name);
    error = digest_error(file, key, net.out, n);
    OK(error < 1e-4, "%s: features with statistics of the part: %.1e", name, error);
    backward(&net);
    check_params(file, name, net.model.params, false);
    if (!frozen)
        check_params(file, name, net.model.params, true);
    net_free(&net);
}

/* The same batch of PyTorch's, as a step in two parts that come the other way round, its activations
 * in a scratch file. */
static void joint_against_golden(const struct safetensors *file, const char *name, int size)
{
    static const int rows[] = {3, 1}, first[] = {1, 0};
    char key[80];
    float seed = 0;
    struct err err = {0};
    snprintf(key, sizeof key, "%s.seed", name);
    const struct tensor *tensor = safetensors_find(file, key);
    if (tensor != NULL && tensor->bytes == sizeof seed)
        memcpy(&seed, tensor->data, sizeof seed);
    struct net net = net_new(name, false, size, 4, false, 2);
    const size_t width = (size_t)net.model.out_width;
    fill(&net, (int)seed);
    const int fd = spill_open("simclr-unit-resnet", &err);
    const struct joint_options options = {&net.model, 100000, fd, 2, false};
    struct joint *joint = joint_new(&options, &err);
    joint_begin(joint);
    for (int i = 0; i < 2; i++)
        joint_add(
            joint, net.pixels + (size_t)first[i] * net.in_row, net.in_row, 0, rows[i], 0, &err);
    OK(joint_forward(joint, 0, &err) == 0 && joint_spilt(joint) > joint_bytes(joint) / 2,
        "%s: two parts, %zu of %zu bytes in a file %s", name, joint_spilt(joint),
        joint_bytes(joint), err.text);
    for (int i = 0; i < 2; i++) {
        const size_t at = (size_t)first[i] * width, bytes = (size_t)rows[i] * width * sizeof(float);
        memcpy(net.out + at, joint_rows(joint, i), bytes);
        memcpy(joint_rows(joint, i), net.grad + at, bytes);
    }
    snprintf(key, sizeof key, "%s.h", name);
    const double error = digest_error(file, key, net.out, 4 * width);
    OK(error < 1e-4, "%s: features with statistics of the step: %.1e", name, error);
    joint_backward(joint);
    check_params(file, name, net.model.params, false);
    check_params(file, name, net.model.params, true);
    joint_free(joint);
    close(fd);
    net_free(&net);
}

static size_t size_of(const struct net *net)
{
    return (size_t)net->rows * (size_t)net->model.out_width * sizeof(float);
}

static bool same_params(const struct params *a, const struct params *b)
{
    bool same = a->count == b->count;
    for (int i = 0; same && i < a->count; i++) {
        const size_t bytes = a->param[i].count * sizeof(float);
        same = memcmp(a->param[i].value, b->param[i].value, bytes) == 0 &&
               (a->param[i].grad == NULL || memcmp(a->param[i].grad, b->param[i].grad, bytes) == 0);
    }
    return same;
}

static void same_bits(const char *name, bool imagenet, int size, int rows)
{
    struct net one = net_new(name, imagenet, size, rows, false, 1);
    fill(&one, 3);
    forward(&one, MODEL_TRAIN);
    backward(&one);
    for (int threads = 2; threads <= 3; threads++) {
        struct net more = net_new(name, imagenet, size, rows, false, threads);
        fill(&more, 3);
        forward(&more, MODEL_TRAIN);
        backward(&more);
        OK(memcmp(one.out, more.out, size_of(&one)) == 0 &&
                same_params(one.model.params, more.model.params),
            "%s: %d threads give the bits of one", name, threads);
        net_free(&more);
    }
    net_free(&one);
}

static void modes(void)
{
    struct net net = net_new("resnet20", false, 12, 35, false, 2);
    const size_t bytes = size_of(&net);
    struct params *params = net.model.params;
    float *first = malloc(bytes),
          *running = malloc(params_find(params, "bn1.running_var")->count * 4);
    const size_t channels = 16 * sizeof(float);
    fill(&net, 1);
    forward(&net, MODEL_TRAIN);
    memcpy(first, net.out, bytes);
    memcpy(running, params_find(params, "bn1.running_var")->value, channels);
    forward(&net, MODEL_REPEAT);
    OK(memcmp(first, net.out, bytes) == 0, "the repeated forward pass has the same bits");
    OK(memcmp(running, params_find(params, "bn1.running_var")->value, channels) == 0,
        "and leaves running statistics alone");
    forward(&net, MODEL_EVAL);
    OK(memcmp(first, net.out, bytes) != 0, "evaluation uses running statistics");
    OK(memcmp(running, params_find(params, "bn1.running_var")->value, channels) == 0,
        "and leaves them alone");
    memcpy(first, net.out, bytes);
    struct err err = {0};
    void *small = net.model.tape_new(net.model.self, 0, net.rows, false, NULL, &err);
    memset(net.out, 0, bytes);
    net.model.forward(net.model.self, small, net.out, net.pixels, net.rows, MODEL_EVAL);
    OK(memcmp(first, net.out, bytes) == 0, "evaluation has the same bits in a small tape");
    OK(net.model.tape_size(net.model.self, 0, net.rows, false) * 3 <
            net.model.tape_size(net.model.self, 0, net.rows, true),
        "which is small");
    memset(net.out, 0, bytes);
    net.model.forward(net.model.self, net.tape, net.out, net.pixels, 9, MODEL_EVAL);
    double difference = 0;
    for (int i = 0; i < 9 * 64; i++)
        difference = fmax(difference, fabs(net.out[i] - first[i]));
    OK(difference < 1e-5 && net.out[9 * 64] == 0, "fewer rows than the tape has give as many");
    net.model.tape_free(small);
    free(first);
    free(running);
    net_free(&net);
}

/* Gradient caching: with frozen statistics the parts of a batch have the gradient of the whole. */
static void parts(const char *name, bool imagenet, int size)
{
    struct net whole = net_new(name, imagenet, size, 41, true, 2);
    struct net cut = net_new(name, imagenet, size, 41, true, 2);
    fill(&whole, 2);
    fill(&cut, 2);
    forward(&whole, MODEL_TRAIN);
    backward(&whole);
    for (int first = 0, rows; first < 41; first += rows) {
        rows = first + 9 > 41 ? 41 - first : 9;
        struct net part = cut;
        part.rows = rows;
        part.pixels += (size_t)first * part.in_row;
        part.out += first * part.model.out_width;
        part.grad += first * part.model.out_width;
        forward(&part, MODEL_TRAIN);
        forward(&part, MODEL_REPEAT);
        backward(&part);
    }
    double worst = 0;
    for (int i = 0; i < whole.model.params->count; i++) {
        const struct param *a = &whole.model.params->param[i], *b = &cut.model.params->param[i];
        double difference = 0, norm = 0;
        for (size_t j = 0; a->grad != NULL && j < a->count; j++) {
            difference += pow((double)a->grad[j] - b->grad[j], 2);
            norm += pow(a->grad[j], 2);
        }
        worst = norm > 0 ? fmax(worst, sqrt(difference / norm)) : worst;
        if (a->kind == PARAM_BUFFER && memcmp(a->value, b->value, a->count * sizeof(float)) != 0)
            worst = INFINITY;
    }
    OK(worst < 1e-5 && worst >= 0, "%s: parts of a frozen batch have its gradient: %.1e", name,
        worst);
    net_free(&whole);
    net_free(&cut);
}

/* Two deviations hold 95.4 % of a normal's mass, and what is left has 0.88 of its deviation; the
 * draw makes up for that. */
static void initialisation(void)
{
    struct net net = net_new("resnet18", false, 8, 2, false, 2);
    struct net again = net_new("resnet18", false, 8, 2, false, 3);
    struct params *params = net.model.params;
    resnet_init(net.resnet, 5);
    resnet_init(again.resnet, 5);
    OK(same_params(params, again.model.params), "the same seed gives the same weights");
    const struct param *p = params_find(params, "layer3.0.conv2.weight");
    const double deviation = sqrt(1 / (256.0 * 9));
    double sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < p->count; i++) {
        sum += p->value[i];
        squares += (double)p->value[i] * p->value[i];
        largest = fmax(largest, fabs(p->value[i]));
    }
    NEAR(sum / (double)p->count / deviation, 0, 0.005, "convolutions begin around zero");
    NEAR(sqrt(squares / (double)p->count) / deviation, 1, 0.005, "with variance 1/fan_in");
    NEAR(largest / deviation, 2 / 0.87962566, 0.01, "cut at two deviations");
    OK(params_find(params, "layer2.0.bn2.weight")->value[7] == 0, "the last gamma of a block is 0");
    OK(params_find(params, "layer2.0.bn1.weight")->value[7] == 1 &&
            params_find(params, "layer2.0.downsample.1.weight")->value[7] == 1,
        "other gammas are 1");
    resnet_init(again.resnet, 6);
    OK(!same_params(params, again.model.params), "another seed gives other weights");
    double features = 0;
    for (size_t i = 0; i < 2 * net.in_row; i++)
        net.pixels[i] = (uint8_t)(i * i % 251);
    forward(&net, MODEL_TRAIN);
    for (int i = 0; i < 2 * 512; i++)
        features += net.out[i];
    OK(features > 0, "init has refreshed what convolutions keep");
    net_free(&net);
    net_free(&again);
}

static void names(void)
{
    static const struct {
        const char *name;
        size_t
            floats; /* of torchvision's model without fc; of He et al.'s without the classifier */
        int width;
    } known[] = {{"resnet18", 11176512, 512}, {"resnet34", 21284672, 512},
        {"resnet50", 23508032, 2048}, {"resnet20", 269072, 64}, {"resnet32", 463504, 64},
        {"resnet44", 657936, 64}, {"resnet56", 852368, 64}};
    struct err err = {0};
    struct resnet_options options = {
        .width = 1, .imagenet_stem = true, .sizes = 1, .size = {{32, 40}}, .deviation = {1, 1, 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        options.name = known[i].name;
        struct resnet *resnet = resnet_new(&options, NULL, &err);
        OK(resnet != NULL, "%s is made: %s", options.name, err.text);
        if (resnet == NULL)
            continue;
        const struct model model = resnet_model(resnet);
        size_t floats = 0;
        for (int j = 0; j < model.params->count; j++)
            if (model.params->param[j].kind != PARAM_BUFFER)
                floats += model.params->param[j].count;
        OK(floats == known[i].floats && model.out_width == known[i].width,
            "%s has %zu weights and %d features", options.name, floats, model.out_width);
        resnet_free(resnet);
    }
    const struct {
        const char *name;
        int width, side;
        double deviation;
    } wrong[] = {{"resnet19", 1, 32, 1}, {"resnet18", 0, 32, 1}, {"resnet18", 1, 16, 1},
        {"resnet20", 1, 2, 1}, {"resnet18", 1, -1, 1}, {"resnet18", 1, 32, 0},
        {"resnet18", 1, 32, NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct err){0};
        options = (struct resnet_options){.name = wrong[i].name,
            .width = wrong[i].width,
            .imagenet_stem = true,
            .sizes = 1,
            .size = {{wrong[i].side, 64}},
            .deviation = {1, wrong[i].deviation, 1}};
        OK(resnet_new(&options, NULL, &err) == NULL && err.status == ERR_MISUSE, "refused: %s",
            err.text);
    }
    OK(resnet_small("resnet20") && !resnet_small("resnet18") && !resnet_known("resnet"),
        "what is of the small family is known");
}

static void copy_values(const struct model *to, const struct model *from)
{
    for (int i = 0; i < to->params->count; i++)
        memcpy(to->params->param[i].value, from->params->param[i].value,
            from->params->param[i].count * sizeof(float));
    to->refresh(to->self);
}

/* A step of three parts of two sizes against PyTorch's: each part has pixels and gradient of its own,
 * all have the weights of the first. */
static void sizes_against_golden(void)
{
    static const int side[3] = {20, 11, 20};
    struct err err = {0};
    struct safetensors file = {0};
    float seed = 0;
    if (safetensors_load(&file, "tests/golden/sizes.safetensors", 1 << 20, &err) != 0) {
        OK(0, "%s", err.text);
        return;
    }
    memcpy(&seed, safetensors_find(&file, "sizes.seed")->data, sizeof seed);
    const struct resnet_options options = {.name = "resnet20",
        .width = 1,
        .sizes = 2,
        .size = {{20, 20}, {11, 11}},
        .mean = {0.5, 0.45, 0.4},
        .deviation = {0.25, 0.2, 0.3}};
    struct net part[3];
    for (int i = 0; i < 3; i++) {
        part[i] = net_new("resnet20", false, side[i], 4, false, 2);
        fill(&part[i], (int)seed + i);
    }
    struct resnet *resnet = resnet_new(&options, part[0].parallel, &err);
    const struct model model = resnet_model(resnet);
    copy_values(&model, &part[0].model);
    for (int i = 0; i < 3; i++) {
        char key[20];
        const int shape[] = {side[i], side[i], 3};
        struct net net = part[i];
        net.model = model;
        net.tape = model.tape_new(
            model.self, model.size(model.self, shape, &err), net.rows, true, NULL, &err);
        forward(&net, MODEL_TRAIN);
        backward(&net);
        snprintf(key, sizeof key, "sizes.h%d", i);
        const double error = digest_error(&file, key, net.out, 4 * 64);
        OK(error < 1e-4, "part %d of %dx%d: features %.1e", i, side[i], side[i], error);
        model.tape_free(net.tape);
    }
    check_params(&file, "sizes", model.params, false);
    check_params(&file, "sizes", model.params, true);
    resnet_free(resnet);
    for (int i = 2; i >= 0; i--)
        net_free(&part[i]);
    safetensors_free(&file);
}

/* A part of its own network, on top of what `before` has summed and counted. */
static void alone(struct net *net, const struct net *before)
{
    for (int i = 0; before != NULL && i < net->model.params->count; i++) {
        const struct param *from = &before->model.params->param[i];
        struct param *to = &net->model.params->param[i];
        const size_t bytes = from->count * sizeof(float);
        memcpy(to->value, from->value, bytes);
        if (from->grad != NULL)
            memcpy(to->grad, from->grad, bytes);
    }
    net->model.refresh(net->model.self);
    forward(net, MODEL_TRAIN);
    backward(net);
}

/* One encoder for views of two sizes does what one for each size does, part after part: the same
 * bits of features, of summed gradients, and of running statistics. */
static void two_sizes(const char *name, bool imagenet, int large, int small)
{
    struct err err = {0};
    struct net a = net_new(name, imagenet, large, 5, false, 2);
    struct net b = net_new(name, imagenet, small, 9, false, 2);
    struct net again = net_new(name, imagenet, large, 5, false, 2);
    const struct resnet_options options = {.name = name,
        .width = 1,
        .imagenet_stem = imagenet,
        .sizes = 3,
        .size = {{large, large}, {small, small}, {large, large}},
        .mean = {0.5, 0.45, 0.4},
        .deviation = {0.25, 0.2, 0.3}};
    fill(&a, 4);
    fill(&b, 5);
    fill(&again, 6);
    struct net *const part[] = {&a, &b, &again};
    struct net both[3] = {a, b, again};
    struct resnet *resnet = resnet_new(&options, a.parallel, &err);
    const struct model model = resnet_model(resnet);
    for (int i = 0; i < 3; i++) {
        const int side = i == 1 ? small : large, shape[] = {side, side, 3};
        const int size = model.size(model.self, shape, &err);
        OK(size == i % 2, "%s: size %d is %d", name, side, size);
        both[i].model = model;
        both[i].tape = model.tape_new(model.self, size, both[i].rows, true, NULL, &err);
        both[i].out = calloc((size_t)both[i].rows * (size_t)model.out_width, sizeof(float));
    }
    copy_values(&model, &a.model);
    for (int i = 0; i < 3; i++)
        alone(part[i], i > 0 ? part[i - 1] : NULL);
    for (int i = 0; i < 3; i++) /* as a step does: all forward, then all back */
        forward(&both[i], MODEL_TRAIN);
    for (int i = 0; i < 3; i++) {
        backward(&both[i]);
        OK(memcmp(both[i].out, part[i]->out, size_of(part[i])) == 0, "%s: features of part %d",
            name, i);
    }
    OK(same_params(model.params, again.model.params), "%s: gradients and statistics", name);
    const int other[] = {small, large, 3}, grey[] = {large, large, 1};
    OK(model.size(model.self, other, &err) == -1 && err.status == ERR_INPUT, "%s", err.text);
    OK(model.size(model.self, grey, &err) == -1, "nor grey pictures");
    for (int i = 0; i < 3; i++) {
        model.tape_free(both[i].tape);
        free(both[i].out);
    }
    resnet_free(resnet);
    net_free(&again);
    net_free(&b);
    net_free(&a);
}

/* No picture is so large that sizes overflow unseen. */
static void enormous(void)
{
    struct err err = {0};
    struct resnet_options options = {.name = "resnet18",
        .width = 1,
        .imagenet_stem = true,
        .sizes = 1,
        .size = {{26000, 26000}},
        .deviation = {1, 1, 1}};
    struct resnet *resnet = resnet_new(&options, NULL, &err);
    if (resnet != NULL) {
        const struct model model = resnet_model(resnet);
        OK(model.tape_size(model.self, 0, 100000, true) > (size_t)1 << 50, "memory is counted");
        OK(model.tape_new(model.self, 0, 100000, true, NULL, &err) == NULL &&
                err.status == ERR_FAILED,
            "and refused: %s", err.text);
    } else {
        OK(err.status == ERR_FAILED, "refused: %s", err.text);
    }
    resnet_free(resnet);
    options.size[0][0] = options.size[0][1] = 65535;
    err = (struct err){0};
    OK(resnet_new(&options, NULL, &err) == NULL && err.status == ERR_MISUSE,
        "no record holds it: %s", err.text);
}

int main(void)
{
    struct err err = {0};
    struct safetensors file = {0};
    if (safetensors_load(&file, "tests/golden/encoder.safetensors", 1 << 24, &err) != 0) {
        OK(0, "%s", err.text);
        return tap_done();
    }
    against_golden(&file, "resnet18", false, 16, false);
    against_golden(&file, "resnet20", false, 32, false);
    against_golden(&file, "resnet50", true, 64, true);
    joint_against_golden(&file, "resnet18", 16);
    joint_against_golden(&file, "resnet20", 32);
    same_bits("resnet20", false, 8, 45);
    same_bits("resnet50", true, 32, 34);
    modes();
    parts("resnet20", false, 12);
    parts("resnet18", true, 32);
    initialisation();
    names();
    sizes_against_golden();
    two_sizes("resnet20", false, 20, 9);
    two_sizes("resnet50", true, 48, 33);
    enormous();
    safetensors_free(&file);
    return tap_done();
}
