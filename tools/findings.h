/* findings.h -- what simclr-linprobe says of a test set as a line and in files.
 * SPDX-License-Identifier: MIT */
#ifndef FINDINGS_H
#define FINDINGS_H

#include "lib/base/parallel.h"
#include "lib/eval/classifier.h"
#include "lib/eval/features.h"
#include "tools/cli.h"

#include <stdbool.h>

/* Files; NULL: not wanted. */
struct findings {
    const char *predictions, *confusion, *classes, *calibration;
};
extern struct findings findings;

#define FINDINGS_ROWS                                                                              \
    {0, "predictions", "FILE", CLI_TEXT, &findings.predictions, 0, 0, CLI_INCIDENTAL,              \
        "write a line a row to FILE: name, label, predicted class, its probability", false},       \
        {0, "confusion", "FILE", CLI_TEXT, &findings.confusion, 0, 0, CLI_INCIDENTAL,              \
            "write the confusion matrix to FILE: true classes down, predicted ones across",        \
            false},                                                                                \
        {0, "per-class", "FILE", CLI_TEXT, &findings.classes, 0, 0, CLI_INCIDENTAL,                \
            "write accuracy, precision and F1 of each class to FILE", false},                      \
    {                                                                                              \
        0, "calibration", "FILE", CLI_TEXT, &findings.calibration, 0, 0, CLI_INCIDENTAL,           \
            "write confidence against accuracy to FILE, in 15 bins", false                         \
    }

/* Dies unless the files can be written; `filter`: only --predictions, which may be standard output
 * then. */
void findings_check(bool filter);

/* Dies if any was given: `why` says what they lack. */
void findings_refuse(const char *why);

/* Classify the test set; write the files, and the line of results to --output. `train` (rows) and
 * `l2` are what the line says of the fit. Dies on error. */
void findings_measure(const struct classifier *model, const struct features *test,
    const char *train, const char *l2, struct parallel *parallel);

#endif
