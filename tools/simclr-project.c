/* simclr-project -- features h to projections z, by the head of SimCLR; with --train it learns.
 *
 *     h f32 [N,D]  --dense, batch norm, ReLU, ..., dense, batch norm-->  z f32 [N,P]
 *
 * SPDX-License-Identifier: MIT */
#include "formats/safetensors.h"
#include "lib/nn/gemm.h"
#include "lib/nn/mlp.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/training.h"

#include <stdlib.h>
#include <string.h>

static const char *head = "nonlinear";
static int layers = 3, hidden, dim = 128;

static struct cli_option options[] = {
    CLI_ROW_INPUT,
    CLI_ROW_OUTPUT,
    {0, "head", "nonlinear|linear|none", CLI_CHOICE, &head, 0, 0, CLI_RESULT, "kind of head",
        false},
    {0, "layers", "N", CLI_INT, &layers, 2, 8, CLI_RESULT, "dense layers of a nonlinear head",
        false},
    {0, "hidden", "N", CLI_INT, &hidden, 1, 65536, CLI_RESULT,
        "width of the hidden layers; default: that of the input", false},
    {0, "dim", "N", CLI_INT, &dim, 1, 65536, CLI_RESULT, "width of the projection", false},
    TRAINING_ROW_GRAD_OUT,
    TRAINING_ROWS,
    CLI_ROW_THREADS,
    CLI_ROW_LEVEL,
    CLI_ROW_ACCOUNT,
    CLI_ROWS_END,
};

static void print_kernels(FILE *out)
{
    fprintf(out, "dense: %s\n", gemm_version());
}

static struct cli_tool tool = {"simclr-project", "[FILE]", 0, 1,
    "Turn features into projections by a small head; with --train, learn from the gradients that "
    "come back.",
    options, print_kernels};

/* A number that the weights file states and an option may repeat, but not contradict. */
static void take_number(const struct safetensors *doc, const char *name, int *value, int high)
{
    const int stored = training_number(doc, name, high);
    if (stored == 0)
        return;
    if (cli_given(&tool, name) && stored != *value)
        die(ERR_MISUSE, "--%s is %d, the weights '%s' have %d", name, *value, training.weights,
            stored);
    *value = stored;
}

static struct mlp *make_head(
    const struct header *header, const struct safetensors *doc, struct parallel *parallel)
{
    struct err err = {0};
    const int column = header_need(header, "h", DTYPE_F32, 1, "input", &err);
    if (column < 0)
        die_err(&err);
    const int in = header->column[column].shape[0];
    if (hidden == 0)
        hidden = in;
    if (training.weights != NULL) {
        const char *const stored = safetensors_metadata(doc, "head");
        if (stored != NULL && cli_given(&tool, "head") && strcmp(stored, head) != 0)
            die(ERR_MISUSE, "--head is %s, the weights '%s' are %s", head, training.weights,
                stored);
        if (stored != NULL && strcmp(stored, "nonlinear") != 0 && strcmp(stored, "linear") != 0 &&
            strcmp(stored, "none") != 0)
            die(ERR_INPUT, "'%s': head is '%s'", training.weights, stored);
        head = stored != NULL ? stored : head;
        take_number(doc, "layers", &layers, 8);
        take_number(doc, "hidden", &hidden, 65536);
        take_number(doc, "dim", &dim, 65536);
    }
    const bool nonlinear = strcmp(head, "nonlinear") == 0, none = strcmp(head, "none") == 0;
    if (none)
        dim = in;
    const struct mlp_options o = {
        .head = nonlinear ? MLP_NONLINEAR
                : none    ? MLP_NONE
                          : MLP_LINEAR,
        .layers = layers,
        .in = in,
        .hidden = hidden,
        .out = dim,
        .frozen = training.train && strcmp(training.batch_norm, "frozen") == 0,
    };
    struct mlp *const mlp = mlp_new(&o, parallel, &err);
    if (mlp == NULL)
        die_err(&err);
    mlp_init(mlp, training.seed);
    return mlp;
}

/* What --save writes beside the tensors: enough to make the same head again. */
static json_t *make_metadata(void)
{
    char number[3][16];
    snprintf(number[0], sizeof number[0], "%d", layers);
    snprintf(number[1], sizeof number[1], "%d", hidden);
    snprintf(number[2], sizeof number[2], "%d", dim);
    return json_pack(
        "{ss,ss,ss,ss}", "head", head, "layers", number[0], "hidden", number[1], "dim", number[2]);
}

int main(int argc, char **argv)
{
    /* arguments */
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    training_check(&tool, operand);

    /* prepare: everything that can be wrong is found before the first byte is written */
    struct training_session session = training_open(operand);
    struct mlp *const mlp = make_head(session.header, &session.weights, session.parallel);
    struct training_job job = {.tool = &tool,
        .model = mlp_model(mlp),
        .kind = "projections",
        .input_column = "h",
        .output_column = "z",
        .kernels = gemm_version(),
        .has_batch_norm = strcmp(head, "none") != 0,
        .metadata = make_metadata()};

    /* work, and finish */
    const int status = training_work(&session, &job);
    mlp_free(mlp);
    return status;
}
