/* findings -- what simclr-linprobe says of a test set, as a line and in files.
 * SPDX-License-Identifier: MIT */
#include "tools/findings.h"

#include "lib/eval/tally.h"
#include "lib/eval/verdict.h"
#include "tools/die.h"
#include "tools/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct findings findings;

typedef char *make_table(const struct verdict *verdict, struct err *err);

static const struct {
    const char *option, **file;
    make_table *make;
} table[] = {
    /* that of the filter first */
    {"predictions", &findings.predictions, verdict_predictions},
    {"confusion", &findings.confusion, verdict_confusion},
    {"per-class", &findings.classes, verdict_classes},
    {"calibration", &findings.calibration, verdict_reliability},
};
enum { TABLES = sizeof table / sizeof *table };

void findings_check(bool filter)
{
    for (int i = 0; i < TABLES; i++) {
        const char *const file = *table[i].file;
        if (file == NULL)
            continue;
        if (filter && i > 0)
            die(ERR_MISUSE, "--%s goes with --test", table[i].option);
        for (int j = 0; j < i; j++)
            if (*table[j].file != NULL && strcmp(*table[j].file, file) == 0)
                die(ERR_MISUSE, "--%s and --%s are both '%s'", table[j].option, table[i].option,
                    file);
        if (cli_common.output != NULL && strcmp(cli_common.output, file) == 0)
            die(ERR_MISUSE, "--%s and --output are both '%s'", table[i].option, file);
        if (!filter || strcmp(file, "-") != 0)
            cli_try(table[i].option, file);
    }
}

void findings_refuse(const char *why)
{
    for (int i = 0; i < TABLES; i++)
        if (*table[i].file != NULL)
            die(ERR_MISUSE, "--%s %s", table[i].option, why);
}

static void write_files(const struct verdict *verdict)
{
    for (int i = 0; i < TABLES; i++) {
        struct err err = {0};
        if (*table[i].file == NULL)
            continue;
        char *const text = table[i].make(verdict, &err);
        if (text == NULL)
            die_err(&err);
        sets_write(*table[i].file, text);
        free(text);
    }
}

/* The line of results: of the fit what it says, of the test set the accuracy and how sure it is. */
static void print_result(const struct classifier *model, const struct verdict *verdict,
    const char *train, const char *l2)
{
    const struct tally tally = tally_count(verdict->rank, verdict->rows);
    struct verdict_bin bin[VERDICT_BINS];
    double low[2], high[2];
    char text[600];
    tally_wilson(&low[0], &high[0], tally.top1, tally.rows);
    tally_wilson(&low[1], &high[1], tally.top5, tally.rows);
    snprintf(text, sizeof text,
        "train\ttest\tclasses\tfeatures\tl2\ttop1\ttop5\ttop1_low\ttop1_high\ttop5_low\t"
        "top5_high\tece\n%s\t%d\t%d\t%d\t%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n",
        train, tally.rows, model->classes, model->width, l2, tally_percent(tally.top1, tally.rows),
        tally_percent(tally.top5, tally.rows), low[0], high[0], low[1], high[1],
        100 * verdict_calibration(bin, verdict));
    sets_print(text);
}

void findings_measure(const struct classifier *model, const struct features *test,
    const char *train, const char *l2, struct parallel *parallel)
{
    struct err err = {0};
    const size_t rows = (size_t)test->rows;
    int *const rank = malloc(rows * sizeof *rank), *const predicted = malloc(rows * sizeof *rank);
    float *const probability = malloc(rows * sizeof *probability);
    if (rank == NULL || predicted == NULL || probability == NULL)
        die(ERR_FAILED, "cannot allocate memory for the test set");
    if (classifier_score(rank, predicted, probability, model, test, parallel, &err) < 0)
        die_err(&err);
    sets_account(rank, test, model->names);
    const struct verdict verdict = {.rows = test->rows,
        .label = test->label,
        .predicted = predicted,
        .rank = rank,
        .probability = probability,
        .names = test->names != NULL ? test->names : model->names,
        .roster = test->roster};
    write_files(&verdict);
    print_result(model, &verdict, train, l2);
    free(rank);
    free(predicted);
    free(probability);
}
