/* simclr-map -- a map of a collection: features as points of a plane, near ones near.
 * SPDX-License-Identifier: MIT */
#include "formats/jpeg.h"
#include "formats/png.h"
#include "lib/eval/affinity.h"
#include "lib/eval/cosine.h"
#include "lib/eval/pca.h"
#include "lib/eval/points.h"
#include "lib/eval/tsne.h"
#include "lib/image/scatter.h"
#include "lib/nn/gemm.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/drawing.h"
#include "tools/progress.h"
#include "tools/sets.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXACT_ROWS = 3000 };

static struct {
    const char *column, *method, *metric;
    double perplexity, theta;
    int iterations;
    int64_t seed;
} options = {.method = "tsne",
    .metric = "euclidean",
    .perplexity = 30,
    .theta = TSNE_THETA,
    .iterations = TSNE_ITERATIONS};

static struct cli_option rows[] = {
    CLI_ROW_INPUT,
    CLI_ROW_OUTPUT,
    {0, "column", "NAME", CLI_TEXT, &options.column, 0, 0, CLI_RESULT,
        "column of features, F32 or U8; without it the first there is of h, z, pixels", false},
    {0, "method", "tsne|pca", CLI_CHOICE, &options.method, 0, 0, CLI_RESULT,
        "neighbourhoods, or the two directions in which rows differ most", false},
    {0, "metric", "euclidean|cosine", CLI_CHOICE, &options.metric, 0, 0, CLI_RESULT,
        "cosine: rows are made rows of length 1 first", false},
    {0, "perplexity", "REAL", CLI_REAL, &options.perplexity, 1, 1000, CLI_RESULT,
        "t-SNE: how many neighbours a row has, more or less; at most a third of the rows", false},
    {0, "iterations", "N", CLI_INT, &options.iterations, 0, 1e6, CLI_RESULT,
        "t-SNE: steps of its descent, 250 of them exaggerated", false},
    {0, "theta", "REAL", CLI_REAL, &options.theta, 0, 1, CLI_RESULT,
        "t-SNE: coarseness of Barnes-Hut; 0 is exact, as up to 3000 rows are without this option",
        false},
    DRAWING_ROWS,
    {'s', "seed", "N", CLI_LONG, &options.seed, 0, 9e15, CLI_RESULT,
        "seed of the few draws there are", false},
    CLI_ROW_THREADS,
    CLI_ROWS_END,
};

static void print_version(FILE *out)
{
    fprintf(out, "BLAS: %s\n%s\n%s\n", gemm_version(), png_version(), jpeg_version());
}

static struct cli_tool tool = {.name = "simclr-map",
    .operands = "[FILE]",
    .operands_max = 1,
    .purpose = "Lay the rows of a stream of features out on a plane, by t-SNE or principal "
               "components, as a table and as a picture.",
    .options = rows,
    .version = print_version};

static void *room(size_t count, size_t unit)
{
    void *const memory = calloc(count > 0 ? count : 1, unit);
    if (memory == NULL)
        die(ERR_FAILED, "cannot allocate memory for %zu x %zu bytes", count, unit);
    return memory;
}

/* ---- the plane -------------------------------------------------------------------------------- */

static void progress(long long done)
{
    progress_update(done, NULL);
}

/* at [N,2] of the points, whose features are spoilt. Says in `share` what they hold of the variance. */
static void find_components(
    double *at, double share[2], struct points *points, double scale, struct parallel *parallel)
{
    struct err err = {0};
    double deviation[2];
    struct pca pca = {.components = 2,
        .dense = PCA_DENSE,
        .seed = options.seed,
        .score = at,
        .axis = room(2 * (size_t)points->width, sizeof *pca.axis),
        .deviation = deviation,
        .share = share};
    if (pca_fit(&pca, points->value, points->rows, points->width, scale, parallel, &err) < 0)
        die_err(&err);
    free(pca.axis);
}

static double choose_perplexity(int count)
{
    const double perplexity = affinity_perplexity(count, options.perplexity);
    if (perplexity < options.perplexity && !cli_common.quiet)
        warn("%d rows are too few for a perplexity of %g: it is %.4g", count, options.perplexity,
            perplexity);
    return perplexity;
}

/* From principal components at [N,2]. Returns the divergence. */
static double embed(
    double *at, const struct points *points, double perplexity, struct parallel *parallel)
{
    struct err err = {0};
    struct affinity affinity = {0};
    const int n = points->rows;
    const double theta = cli_given(&tool, "theta") || n > EXACT_ROWS ? options.theta : 0;
    progress_start(n, "rows");
    if (affinity_find(&affinity, points->value, n, points->width, perplexity,
            affinity_neighbors(n, perplexity), progress, parallel, &err) < 0)
        die_err(&err);
    progress_end(n);
    struct tsne *const tsne = tsne_new(&affinity, theta, parallel, &err);
    if (tsne == NULL)
        die_err(&err);
    tsne_start(at, n, options.seed, points->id);
    progress_start(options.iterations, "steps");
    const double divergence = tsne_descend(at, tsne, options.iterations, progress);
    progress_end(options.iterations);
    tsne_free(tsne);
    affinity_free(&affinity);
    return divergence;
}

/* Positions [N,2], and a caption that says what they are. */
static double *find_plane(
    char *caption, size_t size, struct points *points, struct parallel *parallel)
{
    struct err err = {0};
    const bool tsne = strcmp(options.method, "tsne") == 0;
    double *const at = room((size_t)points->rows, 2 * sizeof *at), share[2];
    if (strcmp(options.metric, "cosine") == 0)
        for (int i = 0; i < points->rows; i++) {
            float *const row = points->value + (size_t)i * (size_t)points->width;
            cosine_unit(row, row, points->width);
        }
    const double scale = pca_center(points->value, points->rows, points->width, &err);
    if (err.status != ERR_NONE)
        die_err(&err);
    if (scale == 0 && points->rows > 1 && !cli_common.quiet)
        warn("all %d rows of '%s' are equal: they are one point", points->rows, points->source);
    find_components(at, share, points, scale, parallel);
    if (scale == 0) {
        snprintf(caption, size, "%d equal rows", points->rows);
    } else if (tsne) {
        const double perplexity = choose_perplexity(points->rows);
        const double divergence = embed(at, points, perplexity, parallel);
        snprintf(caption, size, "t-SNE of %d rows, perplexity %.4g, divergence %.3f", points->rows,
            perplexity, divergence);
    } else {
        snprintf(caption, size, "PCA of %d rows: %.1f %% of the variance across, %.1f %% up",
            points->rows, 100 * share[0], 100 * share[1]);
    }
    return at;
}

/* ---- the table -------------------------------------------------------------------------------- */

/* The caller's to free. */
static char *make_table(const struct points *points, const double *at)
{
    char *text = NULL;
    size_t size = 0;
    FILE *const out = open_memstream(&text, &size);
    bool whole = out != NULL;
    if (out != NULL) {
        fputs("name\tlabel\tx\ty\n", out);
        for (int i = 0; i < points->rows; i++) {
            roster_print(out, &points->name, i);
            fprintf(out, "\t%d\t%.7g\t%.7g\n", points->label[i], at[2 * (size_t)i],
                at[2 * (size_t)i + 1]);
        }
        whole = !ferror(out);
        whole = fclose(out) == 0 && whole;
    }
    if (!whole)
        die(ERR_FAILED, "cannot allocate memory for a table");
    return text;
}

/* Nobody reads thousands of lines off a terminal who has asked for a picture. */
static bool table_wanted(void)
{
    return cli_given(&tool, "output") ||
           (!drawing_stdout() && !(drawing_any() && isatty(STDOUT_FILENO)));
}

int main(int argc, char **argv)
{
    struct err err = {0};
    char caption[200];
    struct points points = {0};
    const int first = cli_parse(&tool, argc, argv);
    const char *const operand = first < argc ? argv[first] : NULL;
    const char *const input = operand != NULL ? operand : cli_common.input;

    drawing_check(&tool, input);
    struct channel *const in = cli_open(operand);
    struct parallel *const parallel = parallel_new(cli_common.threads, &err);
    if (parallel == NULL || gemm_init(&err) < 0 ||
        points_open(&points, in, options.column, &err) < 0 ||
        points_read(&points, drawing_visit(), NULL, &err) < 0)
        die_err(&err);
    double *const at = find_plane(caption, sizeof caption, &points, parallel);
    drawing_draw(&points, at, caption);
    if (table_wanted()) {
        char *const table = make_table(&points, at);
        sets_write(cli_common.output, table);
        free(table);
    }

    free(at);
    points_free(&points);
    parallel_free(parallel);
    cli_finish(in);
    return 0;
}
