/* simclr-encode -- pictures (views) to features h, by a ResNet; with --train it learns.
 *
 *     views u8 [N,H,W,3]  --resnet-->  h f32 [N,D]
 *
 * Views may be of several sizes, those that the header says: all of them go through the same weights.
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"
#include "lib/nn/conv2d.h"
#include "lib/nn/resnet.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/training.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STD_LOW 1e-6 /* of a deviation: below it, pixels would become infinite */

static const char *model, *stem = "auto", *precision = "auto";
static int width = 1;
static bool any_size;
static struct cli_triple mean, deviation;

static struct cli_option options[] = {
    CLI_ROW_INPUT,
    CLI_ROW_OUTPUT,
    {'m', "model", "NAME", CLI_TEXT, &model, 0, 0, CLI_RESULT,
        "resnet18, 34, 50, 101, 152, or the small resnet20, 32, 44, 56", false},
    {0, "width", "N", CLI_INT, &width, 1, 16, CLI_RESULT, "times as many channels", false},
    {0, "stem", "auto|cifar|imagenet", CLI_CHOICE, &stem, 0, 0, CLI_RESULT,
        "first layers; auto: cifar up to 32 pixels", false},
    {0, "pixel-mean", "R,G,B", CLI_TRIPLE, &mean, -1, 2, CLI_RESULT,
        "subtracted from pixels in [0,1]", false},
    {0, "pixel-std", "R,G,B", CLI_TRIPLE, &deviation, STD_LOW, 1e6, CLI_RESULT,
        "they are divided by this", false},
    {0, "precision", "auto|f32|bf16", CLI_CHOICE, &precision, 0, 0, CLI_RESULT,
        "of activations and convolutions; auto: bf16 on CPUs with AMX", false},
    {0, "any-size", NULL, CLI_FLAG, &any_size, 0, 0, CLI_RESULT,
        "take pictures of another size than the weights were trained on", false},
    TRAINING_ROWS,
    CLI_ROW_THREADS,
    CLI_ROW_LEVEL,
    CLI_ROW_ACCOUNT,
    CLI_ROWS_END,
};

static void print_kernels(FILE *out)
{
    char kernels[200];
    for (int i = PRECISION_F32; i <= PRECISION_BF16; i++) {
        const enum precision each = (enum precision)i;
        conv2d_version(kernels, sizeof kernels, each);
        fprintf(out, "convolutions in %s: %s%s\n", precision_name(each), kernels,
            each == precision_auto() ? " (auto)" : "");
    }
}

static struct cli_tool tool = {"simclr-encode", "[FILE]", 0, 1,
    "Turn views into features by a ResNet; with --train, learn from the gradients that come back.",
    options, print_kernels};

/* What the metadata of a weights file says goes where options say nothing; they must not disagree. */
static void take_metadata(const struct safetensors *doc, int *size)
{
    const char *const name = safetensors_metadata(doc, "model");
    if (name != NULL && model != NULL && strcmp(model, name) != 0)
        die(ERR_MISUSE, "--model is %s, the weights '%s' are of %s", model, training.weights, name);
    if (name != NULL)
        model = name;
    if (name != NULL && !resnet_known(name))
        die(ERR_INPUT, "'%s': model is '%s', not %s", training.weights, name, resnet_names());
    const char *const stored_stem = safetensors_metadata(doc, "stem");
    if (stored_stem != NULL && strcmp(stored_stem, "cifar") != 0 &&
        strcmp(stored_stem, "imagenet") != 0)
        die(ERR_INPUT, "'%s': stem is '%s'", training.weights, stored_stem);
    if (stored_stem != NULL && cli_given(&tool, "stem") && strcmp(stem, stored_stem) != 0)
        die(ERR_MISUSE, "--stem is %s, the weights '%s' have %s", stem, training.weights,
            stored_stem);
    if (stored_stem != NULL)
        stem = stored_stem;
    const int w = training_number(doc, "width", 16);
    if (w > 0 && cli_given(&tool, "width") && w != width)
        die(ERR_MISUSE, "--width is %d, the weights '%s' have %d", width, training.weights, w);
    width = w > 0 ? w : width;
    *size = training_number(doc, "size", 65535);
}

/* pixel_mean and pixel_std of the weights file, unless an option gives them. */
static void take_normalisation(const struct safetensors *doc)
{
    struct cli_triple *const into[] = {&mean, &deviation};
    static const char *const key[] = {"pixel_mean", "pixel_std"};
    for (int i = 0; i < 2; i++) {
        const char *const text = safetensors_metadata(doc, key[i]);
        double *const v = into[i]->value;
        if (text == NULL || into[i]->set)
            continue;
        json_t *const array = json_loads(text, 0, NULL);
        into[i]->set = array != NULL && json_unpack(array, "[F,F,F!]", &v[0], &v[1], &v[2]) == 0;
        if (!into[i]->set || (i == 1 && !(v[0] >= STD_LOW && v[1] >= STD_LOW && v[2] >= STD_LOW)))
            die(ERR_INPUT, "'%s': %s is '%s'", training.weights, key[i], text);
        json_decref(array);
    }
}

/* The column of pictures, or the end. */
static const struct column *find_pixels(const struct header *header)
{
    struct err err = {0};
    const int i = header_need_varying(header, "pixels", DTYPE_U8, 3, "input", &err);
    if (i < 0) {
        err_hint(&err, "simclr-augment makes views (--recipe eval: one of each picture)");
        die_err(&err);
    }
    const struct column *const column = &header->column[i];
    if (column->shape[2] == 3)
        return column;
    if (column->shape[2] == STREAM_VARIES)
        die(ERR_INPUT, "column 'pixels' of 'input' does not say that it has three channels");
    err_set(&err, ERR_INPUT, "column 'pixels' of 'input' has rows [%d,%d,%d], not [H,W,3]",
        column->shape[0], column->shape[1], column->shape[2]);
    err_hint(&err, "simclr-augment makes three channels of one");
    die_err(&err);
}

/* Heights and widths of the pictures, as many as there are; the first must fit the weights. */
static int picture_sizes(const struct header *header, int stored, int size[STREAM_SIZES][2])
{
    const struct column *const column = find_pixels(header);
    int sizes = 1;
    memcpy(size[0], column->shape, sizeof size[0]);
    if (column->varies) {
        sizes = header->sizes;
        memcpy(size, header->size, sizeof header->size);
    }
    if (sizes == 0)
        die(ERR_INPUT, "'input' has 'pixels' of varying size, and 'sizes' of its header says none");
    if (stored > 0 && !any_size && (size[0][0] != stored || size[0][1] != stored)) {
        struct err err = {0};
        err_set(&err, ERR_INPUT, "pictures are %dx%d, the weights '%s' are for %dx%d", size[0][1],
            size[0][0], training.weights, stored, stored);
        err_hint(&err, "simclr-augment --size %d, or --any-size", stored);
        die_err(&err);
    }
    return sizes;
}

static struct resnet *make_encoder(
    const struct header *header, const struct safetensors *doc, struct parallel *parallel)
{
    struct err err = {0};
    int stored = 0;
    if (training.weights != NULL) {
        take_metadata(doc, &stored);
        take_normalisation(doc);
    }
    if (model == NULL)
        die(ERR_MISUSE, "the weights '%s' do not say of which model they are: needs --model",
            training.weights);
    struct resnet_options o = {.name = model, .width = width, .deviation = {1, 1, 1}};
    o.sizes = picture_sizes(header, stored, o.size);
    if (strcmp(stem, "auto") == 0)
        stem = resnet_small(model) || o.size[0][0] <= 32 ? "cifar" : "imagenet";
    if (resnet_small(model) && strcmp(stem, "imagenet") == 0)
        die(ERR_MISUSE, "%s has no imagenet stem", model);
    o.imagenet_stem = strcmp(stem, "imagenet") == 0;
    o.precision = strcmp(precision, "bf16") == 0 ? PRECISION_BF16 : PRECISION_F32;
    o.frozen = training.train && strcmp(training.batch_norm, "frozen") == 0;
    for (int i = 0; i < 3; i++) {
        o.mean[i] = mean.set ? mean.value[i] : 0;
        o.deviation[i] = deviation.set ? deviation.value[i] : 1;
    }
    struct resnet *const resnet = resnet_new(&o, parallel, &err);
    if (resnet == NULL)
        die_err(&err);
    resnet_init(resnet, training.seed);
    return resnet;
}

/* What --save writes beside the tensors: enough to make the same encoder again. */
static json_t *make_metadata(const struct header *header)
{
    json_t *const metadata = json_pack("{ss,ss}", "model", model, "stem", stem);
    char text[200];
    snprintf(text, sizeof text, "%d", width);
    json_object_set_new(metadata, "width", json_string(text));
    int size[STREAM_SIZES][2];
    picture_sizes(header, 0, size);
    snprintf(text, sizeof text, "%d", size[0][0]);
    if (size[0][0] == size[0][1])
        json_object_set_new(metadata, "size", json_string(text));
    const struct cli_triple *const triple[] = {&mean, &deviation};
    static const char *const key[] = {"pixel_mean", "pixel_std"};
    for (int i = 0; i < 2; i++) {
        const double *const v = triple[i]->value;
        snprintf(text, sizeof text, "[%.17g,%.17g,%.17g]", v[0], v[1], v[2]);
        if (triple[i]->set)
            json_object_set_new(metadata, key[i], json_string(text));
    }
    return metadata;
}

int main(int argc, char **argv)
{
    /* arguments */
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    training_check(&tool, operand);
    if (model == NULL && training.weights == NULL)
        die(ERR_MISUSE, "needs --model or --weights");
    if (model != NULL && !resnet_known(model))
        die(ERR_MISUSE, "--model takes %s, not '%s'", resnet_names(), model);

    if (strcmp(precision, "auto") == 0) /* what is said of the run is what it was */
        precision = precision_name(precision_auto());

    /* prepare: everything that can be wrong is found before the first byte is written */
    struct training_session session = training_open(operand);
    struct resnet *const resnet = make_encoder(session.header, &session.weights, session.parallel);
    char kernels[200];
    snprintf(kernels, sizeof kernels, "%s ", precision);
    conv2d_version(kernels + strlen(kernels), sizeof kernels - strlen(kernels),
        strcmp(precision, "bf16") == 0 ? PRECISION_BF16 : PRECISION_F32);
    if (cli_common.verbose)
        warn("convolutions: %s", kernels);
    struct training_job job = {.tool = &tool,
        .model = resnet_model(resnet),
        .kind = "features",
        .input_column = "pixels",
        .output_column = "h",
        .kernels = kernels,
        .has_batch_norm = true,
        .metadata = make_metadata(session.header)};

    /* work, and finish */
    const int status = training_work(&session, &job);
    resnet_free(resnet);
    return status;
}
