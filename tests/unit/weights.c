/* weights -- values out of files, as they are or refused by name; draws.
 * SPDX-License-Identifier: MIT */
#include "lib/nn/param.h"

#include "tests/unit/digest.h"

static struct params params_new(void)
{
    struct err err = {0};
    struct params params = {0};
    const int64_t kernel[4] = {2, 3, 1, 1}, vector[1] = {4};
    params_add(&params, "conv.weight", PARAM_KERNEL, 4, kernel, &err);
    params_add(&params, "bn.weight", PARAM_GAMMA, 1, vector, &err);
    params_add(&params, "bn.running_var", PARAM_BUFFER, 1, vector, &err);
    params_alloc(&params, &err);
    return params;
}

struct unused {
    int count;
    char name[40];
};

static void note_unused(void *context, const char *name)
{
    struct unused *unused = context;
    unused->count++;
    snprintf(unused->name, sizeof unused->name, "%s", name);
}

/* A document of the model's tensors and one that it lacks; data one byte off alignment. */
struct file {
    struct tensor tensor[4];
    struct safetensors doc;
    unsigned char data[3][64];
};

static void file_init(struct file *file)
{
    static const float kernel[6] = {1, -2, 3, -4, 5, 0.1f};
    static const double gamma[4] = {0.5, -1.25, 1e-3, 7};
    static const uint16_t half[4] = {0x3C00, 0x4248, 0x0001, 0x0000}; /* 1, 3.140625, 2^-24, 0 */
    *file = (struct file){
        .tensor = {{"bn.weight", DTYPE_F64, 1, {4}, file->data[1] + 1, sizeof gamma},
            {"fc.weight", DTYPE_I64, 0, {0}, file->data[0], 8},
            {"bn.running_var", DTYPE_F16, 1, {4}, file->data[2] + 1, sizeof half},
            {"conv.weight", DTYPE_F32, 4, {2, 3, 1, 1}, file->data[0] + 1, sizeof kernel}}};
    file->doc = (struct safetensors){.count = 4, .tensor = file->tensor};
    memcpy(file->data[0] + 1, kernel, sizeof kernel);
    memcpy(file->data[1] + 1, gamma, sizeof gamma);
    memcpy(file->data[2] + 1, half, sizeof half);
}

static void taking(void)
{
    struct err err = {0};
    struct file file;
    struct unused unused = {0};
    struct params params = params_new();
    const struct param *p = params.param;
    file_init(&file);
    OK(weights_take(&params, &file.doc, "x", note_unused, &unused, &err) == 0, "taken: %s",
        err.text);
    OK(p[0].value[1] == -2 && p[0].value[5] == 0.1f, "F32 as it is");
    OK(p[1].value[1] == -1.25f && p[1].value[2] == 1e-3f, "F64 rounded");
    OK(p[2].value[0] == 1 && p[2].value[1] == 3.140625f && p[2].value[2] == 0x1p-24f &&
            p[2].value[3] == 0,
        "F16 widened, subnormal numbers too");
    OK(unused.count == 1 && strcmp(unused.name, "fc.weight") == 0, "what is unused is named");
    const uint16_t wide[4] = {0x3F80, 0x4049, 0x0000, 0x7F7F};
    memcpy(file.data[2] + 1, wide, sizeof wide);
    file.tensor[2].dtype = DTYPE_BF16;
    OK(weights_take(&params, &file.doc, "x", NULL, NULL, &err) == 0 && p[2].value[1] == 3.140625f &&
            p[2].value[3] > 3.3e38f,
        "BF16 widened");

    struct tensor *tensor = weights_tensors(&params, &err);
    OK(tensor != NULL && strcmp(tensor[0].name, "conv.weight") == 0 && tensor[0].rank == 4 &&
            tensor[0].shape[1] == 3 && tensor[0].data == p[0].value && tensor[0].bytes == 24 &&
            tensor[2].dtype == DTYPE_F32,
        "tensors for saving borrow the values");
    free(tensor);
    params_free(&params);
}

static void refused(struct file *file, const char *wanted)
{
    struct err err = {0};
    struct params params = params_new();
    const int status = weights_take(&params, &file->doc, "x.safetensors", NULL, NULL, &err);
    OK(status == -1 && err.status == ERR_INPUT && strcmp(err.text, wanted) == 0, "refused: %s",
        err.text);
    params_free(&params);
}

static void refusing(void)
{
    struct file file;
    file_init(&file);
    file.tensor[3].name = "conv.wait";
    refused(&file, "'x.safetensors': tensor 'conv.weight' [2,3,1,1] is missing");
    file_init(&file);
    file.tensor[3].shape[1] = 4;
    refused(&file, "'x.safetensors': tensor 'conv.weight' has shape [2,4,1,1], the model wants "
                   "[2,3,1,1]");
    file_init(&file);
    file.tensor[0].rank = 2;
    file.tensor[0].shape[1] = 1;
    refused(&file, "'x.safetensors': tensor 'bn.weight' has shape [4,1], the model wants [4]");
    file_init(&file);
    file.tensor[0].dtype = DTYPE_I64;
    refused(&file, "'x.safetensors': tensor 'bn.weight' holds I64, no floating-point numbers");
    file_init(&file);
    file.data[2][2] = 0x7C; /* infinity in F16 */
    refused(&file, "'x.safetensors': tensor 'bn.running_var' holds a number that is not finite");
    file_init(&file);
    const double large = 1e300;
    memcpy(file.data[1] + 1, &large, 8);
    refused(&file, "'x.safetensors': tensor 'bn.weight' holds a number that is not finite");
    file_init(&file);
    file.data[2][2] = 0xBC; /* -1 */
    refused(&file, "'x.safetensors': tensor 'bn.running_var' holds a negative variance");
}

static void drawing(void)
{
    enum { N = 100000 };
    struct err err = {0};
    struct params params = {0};
    const int64_t shape[1] = {N};
    params_add(&params, "a", PARAM_KERNEL, 1, shape, &err);
    params_add(&params, "b", PARAM_KERNEL, 1, shape, &err);
    params_alloc(&params, &err);
    struct param *a = &params.param[0], *b = &params.param[1];
    weights_truncated_normal(a, 9, 0.5);
    weights_normal(b, 9, 0.5);
    double sum[2] = {0}, squares[2] = {0}, largest[2] = {0}, product = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 2; j++) {
            const double x = params.param[j].value[i];
            sum[j] += x / N;
            squares[j] += x * x / N;
            largest[j] = fmax(largest[j], fabs(x));
        }
        product += (double)a->value[i] * b->value[i] / N;
    }
    NEAR(sum[0], 0, 0.006, "truncated: mean");
    NEAR(sqrt(squares[0]), 0.5, 0.004, "truncated: deviation");
    NEAR(largest[0], 1 / 0.87962566, 0.001, "truncated: at two deviations of what is cut");
    NEAR(sum[1], 0, 0.006, "normal: mean");
    NEAR(sqrt(squares[1]), 0.5, 0.005, "normal: deviation");
    OK(largest[1] > 1.9, "normal: tails");
    NEAR(product, 0, 0.003, "names make draws independent");
    const float first = a->value[0], last = a->value[N - 1];
    weights_fill(a, 3);
    OK(a->value[0] == 3 && a->value[N - 1] == 3, "filled");
    weights_truncated_normal(a, 9, 0.5);
    OK(a->value[0] == first && a->value[N - 1] == last, "the same key draws the same");
    weights_truncated_normal(a, 10, 0.5);
    OK(a->value[0] != first, "another seed draws something else");
    params_free(&params);
}

int main(void)
{
    taking();
    refusing();
    drawing();
    return tap_done();
}
