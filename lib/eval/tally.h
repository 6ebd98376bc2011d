/* tally.h -- counting what a classifier got right: top-1, top-5, class by class, and how sure that is.
 * SPDX-License-Identifier: MIT */
#ifndef TALLY_H
#define TALLY_H

#include "lib/base/err.h"
#include "lib/eval/features.h"

#include <jansson.h>

/* The rank of a row's true class: how many classes the classifier holds more likely; equals count
 * when their label is lower. TALLY_UNKNOWN: the classifier does not know the class. */
enum { TALLY_UNKNOWN = FEATURES_LABELS };

struct tally {
    int rows, top1, top5;
    int unknown; /* rows of classes that the classifier does not know: wrong by nature */
};

struct tally tally_count(const int *rank, int rows);

/* 100 * part / whole. */
double tally_percent(int part, int whole);

/* The bounds of 95 % confidence for the percentage 100 * part / whole; 0 and 100 of nothing.
 * Source: Wilson 1927, the score interval, without correction for continuity. */
void tally_wilson(double *low, double *high, int part, int whole);

/* What a class is called, as one field of a table: no tabs, no line ends; "-" if nothing. */
enum { TALLY_NAME = 81 };
const char *tally_name(char out[TALLY_NAME], const json_t *names, int label);

/* One line a class, TSV with a header: `class name rows top1 top5`; the caller's to free, NULL when
 * memory is short. `names` may be NULL. */
char *tally_classes(
    const int *rank, const int *label, int rows, const json_t *names, struct err *err);

/* The rank of score[at] among score [classes]. */
int tally_rank(const double *score, int classes, int at);

#endif
