/* tally -- counting what a classifier got right.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/tally.h"

#include "lib/base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally tally_count(const int *rank, int rows)
{
    struct tally t = {.rows = rows};
    for (int i = 0; i < rows; i++) {
        t.top1 += rank[i] == 0;
        t.top5 += rank[i] < 5;
        t.unknown += rank[i] == TALLY_UNKNOWN;
    }
    return t;
}

double tally_percent(int part, int whole)
{
    return whole > 0 ? 100.0 * part / whole : 0;
}

void tally_wilson(double *low, double *high, int part, int whole)
{
    static const double z = 1.959963984540054; /* 97.5 % of a standard normal lie below it */
    *low = 0;
    *high = 100;
    if (whole <= 0)
        return;
    const double n = whole, share = part / n, scale = 100 / (1 + z * z / n);
    const double middle = share + z * z / (2 * n);
    const double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    if (part > 0)
        *low = scale * (middle - half);
    if (part < whole)
        *high = scale * (middle + half);
}

int tally_rank(const double *score, int classes, int at)
{
    int rank = 0;
    for (int i = 0; i < classes; i++)
        rank += score[i] > score[at] || (i < at && score[i] == score[at]);
    return rank;
}

const char *tally_name(char out[TALLY_NAME], const json_t *names, int label)
{
    const char *const name = json_string_value(json_array_get(names, (size_t)label));
    snprintf(out, TALLY_NAME, "%s", name == NULL || *name == '\0' ? "-" : name);
    text_clean(out);
    return out;
}

char *tally_classes(
    const int *rank, const int *label, int rows, const json_t *names, struct err *err)
{
    struct tally *const class = calloc(FEATURES_LABELS, sizeof *class);
    char *text = NULL;
    size_t size = 0;
    FILE *const out = open_memstream(&text, &size);
    if (class == NULL || out == NULL) {
        err_memory(err, "the table of classes");
        free(class);
        if (out != NULL)
            fclose(out);
        free(text);
        return NULL;
    }
    for (int i = 0; i < rows; i++) {
        class[label[i]].rows++;
        class[label[i]].top1 += rank[i] == 0;
        class[label[i]].top5 += rank[i] < 5;
    }
    fprintf(out, "class\tname\trows\ttop1\ttop5\n");
    for (int l = 0; l < FEATURES_LABELS; l++) {
        const struct tally *const c = &class[l];
        char name[TALLY_NAME];
        if (c->rows > 0)
            fprintf(out, "%d\t%s\t%d\t%.2f\t%.2f\n", l, tally_name(name, names, l), c->rows,
                tally_percent(c->top1, c->rows), tally_percent(c->top5, c->rows));
    }
    free(class);
    if (fclose(out) != 0) {
        free(text);
        text = NULL;
        err_memory(err, "the table of classes");
    }
    return text;
}
