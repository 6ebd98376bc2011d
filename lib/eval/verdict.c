/* verdict -- what a classifier made of a labelled set: confusion, calibration, class by class.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/verdict.h"

#include "lib/base/shape.h"
#include "lib/eval/features.h"
#include "lib/eval/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts in memory -------------------------------------------------------------------------- */

struct text {
    char *data;
    size_t size;
    FILE *out;
};

static int text_open(struct text *text, struct err *err)
{
    *text = (struct text){0};
    text->out = open_memstream(&text->data, &text->size);
    return text->out == NULL ? err_memory(err, "a table") : 0;
}

/* The text, or NULL when some of it found no room. */
static char *text_close(struct text *text, struct err *err)
{
    const int failed = ferror(text->out);
    if (fclose(text->out) == 0 && !failed)
        return text->data;
    free(text->data);
    err_memory(err, "a table");
    return NULL;
}

/* ---- calibration ------------------------------------------------------------------------------ */

double verdict_calibration(struct verdict_bin bin[VERDICT_BINS], const struct verdict *verdict)
{
    memset(bin, 0, VERDICT_BINS * sizeof *bin);
    for (int i = 0; i < verdict->rows; i++) {
        const int at = (int)ceil((double)verdict->probability[i] * VERDICT_BINS) - 1;
        struct verdict_bin *const b = &bin[at < 0 ? 0 : at >= VERDICT_BINS ? VERDICT_BINS - 1 : at];
        b->rows++;
        b->right += verdict->label[i] == verdict->predicted[i];
        b->confidence += verdict->probability[i];
    }
    double error = 0;
    for (int i = 0; i < VERDICT_BINS; i++) {
        error += fabs(bin[i].right - bin[i].confidence);
        if (bin[i].rows > 0)
            bin[i].confidence /= bin[i].rows;
    }
    return verdict->rows > 0 ? error / verdict->rows : 0;
}

char *verdict_reliability(const struct verdict *verdict, struct err *err)
{
    struct verdict_bin bin[VERDICT_BINS];
    struct text text;
    if (text_open(&text, err) < 0)
        return NULL;
    verdict_calibration(bin, verdict);
    fprintf(text.out, "from\tto\trows\tconfidence\tright\tlow\thigh\n");
    for (int i = 0; i < VERDICT_BINS; i++) {
        double low, high;
        tally_wilson(&low, &high, bin[i].right, bin[i].rows);
        fprintf(text.out, "%.2f\t%.2f\t%d\t%.2f\t%.2f\t%.2f\t%.2f\n", 100.0 * i / VERDICT_BINS,
            100.0 * (i + 1) / VERDICT_BINS, bin[i].rows, 100 * bin[i].confidence,
            tally_percent(bin[i].right, bin[i].rows), low, high);
    }
    return text_close(&text, err);
}

/* ---- confusion -------------------------------------------------------------------------------- */

int *verdict_labels(int *count, const struct verdict *verdict, struct err *err)
{
    bool *const seen = calloc(FEATURES_LABELS, sizeof *seen);
    int *const label = malloc(FEATURES_LABELS * sizeof *label);
    if (seen == NULL || label == NULL) {
        free(seen);
        free(label);
        err_memory(err, "classes");
        return NULL;
    }
    for (int i = 0; i < verdict->rows; i++)
        seen[verdict->label[i]] = seen[verdict->predicted[i]] = true;
    *count = 0;
    for (int l = 0; l < FEATURES_LABELS; l++)
        if (seen[l])
            label[(*count)++] = l;
    free(seen);
    return label;
}

static int by_number(const void *a, const void *b)
{
    const int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static size_t place(const int *label, int classes, int wanted)
{
    const int *const at = bsearch(&wanted, label, (size_t)classes, sizeof *label, by_number);
    return (size_t)(at - label);
}

void verdict_matrix(int *count, const struct verdict *verdict, const int *label, int classes)
{
    const size_t width = (size_t)classes;
    memset(count, 0, width * width * sizeof *count);
    for (int i = 0; i < verdict->rows; i++)
        count[place(label, classes, verdict->label[i]) * width +
              place(label, classes, verdict->predicted[i])]++;
}

static void print_matrix(FILE *out, const int *count, const int *label, int classes)
{
    fprintf(out, "label");
    for (int j = 0; j < classes; j++)
        fprintf(out, "\t%d", label[j]);
    for (int i = 0; i < classes; i++) {
        fprintf(out, "\n%d", label[i]);
        for (int j = 0; j < classes; j++)
            fprintf(out, "\t%d", count[(size_t)i * (size_t)classes + (size_t)j]);
    }
    putc('\n', out);
}

char *verdict_confusion(const struct verdict *verdict, struct err *err)
{
    struct text text;
    int classes;
    int *const label = verdict_labels(&classes, verdict, err);
    if (label == NULL)
        return NULL;
    const size_t size = shape_times(shape_times((size_t)classes, (size_t)classes), sizeof(int));
    int *const count = size < SIZE_MAX ? malloc(size + 1) : NULL;
    char *out = NULL;
    if (count == NULL) {
        err_memory(err, "the confusion matrix");
    } else if (text_open(&text, err) == 0) {
        verdict_matrix(count, verdict, label, classes);
        print_matrix(text.out, count, label, classes);
        out = text_close(&text, err);
    }
    free(count);
    free(label);
    return out;
}

/* ---- class by class --------------------------------------------------------------------------- */

struct class
{
    int rows, top1, top5, predicted;
};

static void print_class(FILE *out, int label, const struct class *c, const json_t *names)
{
    char name[TALLY_NAME];
    double low, high;
    tally_wilson(&low, &high, c->top1, c->rows);
    fprintf(out, "%d\t%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%.2f\t%.2f\n", label,
        tally_name(name, names, label), c->rows, tally_percent(c->top1, c->rows), low, high,
        tally_percent(c->top5, c->rows), c->predicted, tally_percent(c->top1, c->predicted),
        c->rows + c->predicted > 0 ? 200.0 * c->top1 / ((double)c->rows + c->predicted) : 0);
}

char *verdict_classes(const struct verdict *verdict, struct err *err)
{
    struct text text;
    struct class *const class = calloc(FEATURES_LABELS, sizeof *class);
    if (class == NULL) {
        err_memory(err, "the table of classes");
        return NULL;
    }
    char *out = NULL;
    if (text_open(&text, err) == 0) {
        for (int i = 0; i < verdict->rows; i++) {
            struct class *const own = &class[verdict->label[i]];
            own->rows++;
            own->top1 += verdict->rank[i] == 0;
            own->top5 += verdict->rank[i] < 5;
            class[verdict->predicted[i]].predicted++;
        }
        fprintf(text.out, "class\tname\trows\ttop1\tlow\thigh\ttop5\tpredicted\tprecision\tf1\n");
        for (int l = 0; l < FEATURES_LABELS; l++)
            if (class[l].rows > 0 || class[l].predicted > 0)
                print_class(text.out, l, &class[l], verdict -> names);
        out = text_close(&text, err);
    }
    free(class);
    return out;
}

/* ---- row by row ------------------------------------------------------------------------------- */

void verdict_line(FILE *out, const struct roster *roster, int row, int64_t label, int predicted,
    float probability)
{
    roster_print(out, roster, row);
    fprintf(out, "\t%lld\t%d\t%.6f\n", (long long)label, predicted, (double)probability);
}

char *verdict_predictions(const struct verdict *verdict, struct err *err)
{
    struct text text;
    if (text_open(&text, err) < 0)
        return NULL;
    fputs(VERDICT_HEADING, text.out);
    for (int i = 0; i < verdict->rows; i++)
        verdict_line(text.out, verdict->roster, i, verdict->label[i], verdict->predicted[i],
            verdict->probability[i]);
    return text_close(&text, err);
}
