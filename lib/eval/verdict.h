/* verdict.h -- what a classifier made of a labelled set: confusion, calibration, class by class.
 *
 * Rows are those of the set, in its order. Tables are TSV with a header line, made in memory: the
 * caller's to free, NULL with ERR_FAILED when memory is short. Percentages have two digits.
 * SPDX-License-Identifier: MIT */
#ifndef VERDICT_H
#define VERDICT_H

#include "lib/base/err.h"
#include "lib/eval/roster.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct verdict {
    int rows;                    /* N; all arrays are borrowed */
    const int *label;            /* [N] the true class, 0 .. FEATURES_LABELS-1 */
    const int *predicted;        /* [N] the likeliest class */
    const int *rank;             /* [N] of the true class, as tally.h has it */
    const float *probability;    /* [N] of the likeliest class */
    const json_t *names;         /* of classes, by label; NULL: none */
    const struct roster *roster; /* [N] of rows; verdict_predictions() needs it */
};

enum { VERDICT_BINS = 15 }; /* of confidence, equally wide */

/* One bin: rows whose probability p lies in bin/15 < p <= (bin+1)/15. */
struct verdict_bin {
    int rows, right;
    double confidence; /* mean probability; 0 without rows */
};

/* The bins, and the expected calibration error: the mean over rows of |share right - confidence| of
 * their bins, 0 .. 1. Source: Guo et al. 2017, equations 2 to 5, with their 15 bins. */
double verdict_calibration(struct verdict_bin bin[VERDICT_BINS], const struct verdict *verdict);

/* `from to rows confidence right low high`, a line a bin. */
char *verdict_reliability(const struct verdict *verdict, struct err *err);

/* The classes that occur, as labels or as predictions, ascending: [*count], the caller's to free. */
int *verdict_labels(int *count, const struct verdict *verdict, struct err *err);

/* count [classes,classes] overwritten: rows of true class label[i] predicted as label[j]. */
void verdict_matrix(int *count, const struct verdict *verdict, const int *label, int classes);

/* `label` and the labels of the columns; a line a true class. */
char *verdict_confusion(const struct verdict *verdict, struct err *err);

/* `class name rows top1 low high top5 predicted precision f1`, a line a class that occurs. low and
 * high bound top1 (the recall of the class) by tally_wilson(); `predicted` counts the rows that the
 * class was the answer for. */
char *verdict_classes(const struct verdict *verdict, struct err *err);

/* `name label predicted probability`, a line a row. */
char *verdict_predictions(const struct verdict *verdict, struct err *err);

/* The header of that table, and one line of it: row `row` of the roster. */
#define VERDICT_HEADING "name\tlabel\tpredicted\tprobability\n"
void verdict_line(FILE *out, const struct roster *roster, int row, int64_t label, int predicted,
    float probability);

#endif
