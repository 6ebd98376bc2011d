/* verdict -- against scikit-learn and SciPy (tests/golden/make_verdict.py), and the texts of tables.
 * SPDX-License-Identifier: MIT */
#include "lib/eval/verdict.h"

#include "lib/eval/tally.h"
#include "tests/unit/golden.h"

#include <stdlib.h>
#include <string.h>

enum { N = 300, L = 5 };

static int *integers(const char *name, int rows)
{
    int64_t *const wide = golden_get(name, DTYPE_I64, 1, NULL);
    int *const out = malloc((size_t)rows * sizeof *out);
    for (int i = 0; i < rows; i++)
        out[i] = (int)wide[i];
    free(wide);
    return out;
}

static void test_confusion(const struct verdict *v)
{
    struct err err = {0};
    int classes, count[L * L], differ = 0;
    int *const label = verdict_labels(&classes, v, &err);
    OK(classes == L && label[0] == 0 && label[3] == 7 && label[4] == 40,
        "labels and predictions together");
    verdict_matrix(count, v, label, classes);
    int64_t *const wanted = golden_get("confusion", DTYPE_I64, 2, NULL);
    for (int i = 0; i < L * L; i++)
        differ += count[i] != wanted[i];
    OK(differ == 0, "the confusion matrix is scikit-learn's");
    char *const text = verdict_confusion(v, &err), *line = strchr(text, '\n');
    OK(strncmp(text, "label\t0\t2\t3\t7\t40\n0\t", 19) == 0, "labels across and down");
    bool same = true;
    for (int i = 0; i < L && line != NULL; i++, line = strchr(line + 1, '\n')) {
        int row, c[L];
        same &= sscanf(line, "%d\t%d\t%d\t%d\t%d\t%d", &row, c, c + 1, c + 2, c + 3, c + 4) == 6 &&
                row == label[i] && memcmp(c, count + i * L, sizeof c) == 0;
    }
    OK(same && line != NULL && line[1] == '\0', "the table holds the matrix");
    free(text);
    free(wanted);
    free(label);
}

static void test_classes(const struct verdict *v)
{
    struct err err = {0};
    double *const wanted = golden_get("classes", DTYPE_F64, 2, NULL);
    char *const text = verdict_classes(v, &err), *line = strchr(text, '\n');
    double worst = 0;
    int lines = 0;
    OK(strstr(text, "\n2\tb?c\t") != NULL && strstr(text, "\n40\t-\t") != NULL, "names of classes");
    for (; line != NULL && line[1] != '\0'; line = strchr(line + 1, '\n'), lines++) {
        const double *const w = wanted + (size_t)5 * (size_t)lines;
        int class, rows, predicted;
        char name[20];
        double top1, low, high, top5, precision, f1, l, h;
        if (lines >= L ||
            sscanf(line, "%d\t%19s\t%d\t%lf\t%lf\t%lf\t%lf\t%d\t%lf\t%lf", &class, name, &rows,
                &top1, &low, &high, &top5, &predicted, &precision, &f1) != 10)
            break;
        worst = fmax(worst, fabs(class - w[0]) + fabs(rows - w[1]) + fabs(top1 - w[2]));
        worst = fmax(worst, fabs(precision - w[3]) + fabs(f1 - w[4]));
        tally_wilson(&l, &h, (int)lround(w[1] * w[2] / 100), rows);
        worst = fmax(worst, fabs(l - low) + fabs(h - high));
    }
    OK(lines == L, "a line a class, also where only the answers have it");
    NEAR(worst, 0, 0.0101, "rows, recall, precision and F1 are scikit-learn's");
    free(text);
    free(wanted);
}

static void test_calibration(const struct verdict *v)
{
    struct err err = {0};
    struct verdict_bin bin[VERDICT_BINS];
    double *const ece = golden_get("ece", DTYPE_F64, 1, NULL), worst = 0;
    int64_t shape[2];
    double *const wanted = golden_get("bins", DTYPE_F64, 2, shape);
    int used = 0;
    NEAR(verdict_calibration(bin, v), *ece, 1e-7, "the calibration error is scikit-learn's");
    for (int i = 0; i < VERDICT_BINS; i++) {
        const double *const w = wanted + (size_t)3 * (size_t)used;
        if (bin[i].rows == 0 || used++ >= shape[0])
            continue;
        worst = fmax(worst, fabs(bin[i].rows - w[0]));
        worst = fmax(worst, fabs((double)bin[i].right / bin[i].rows - w[1]));
        worst = fmax(worst, fabs(bin[i].confidence - w[2]));
    }
    OK(used == shape[0], "%d bins have rows", used);
    NEAR(worst, 0, 1e-6, "and so is every bin");
    char *const text = verdict_reliability(v, &err);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++)
        lines += *c == '\n';
    OK(lines == VERDICT_BINS + 1 && strstr(text, "\n93.33\t100.00\t") != NULL, "a line a bin");
    free(text);
    free(ece);
    free(wanted);

    const float probability[] = {0, 1, 1};
    const int label[] = {1, 1, 1}, predicted[] = {0, 1, 0};
    const struct verdict few = {
        .rows = 3, .label = label, .predicted = predicted, .probability = probability};
    NEAR(verdict_calibration(bin, &few), 1 / 3.0, 1e-12, "0 and 1 are within bins");
    const struct verdict none = {0};
    NEAR(verdict_calibration(bin, &none), 0, 0, "no rows, no error");
}

static void test_predictions(void)
{
    struct err err = {0};
    struct roster roster = {0};
    const float probability[] = {0.25F, 1};
    const int label[] = {3, 10}, predicted[] = {4, 10};
    roster_add(&roster, "one\ttwo", 7, &err);
    roster_add(&roster, "three", 5, &err);
    const struct verdict v = {.rows = 2,
        .label = label,
        .predicted = predicted,
        .probability = probability,
        .roster = &roster};
    char *const text = verdict_predictions(&v, &err);
    OK(strcmp(text, "name\tlabel\tpredicted\tprobability\none\\ttwo\t3\t4\t0.250000\n"
                    "three\t10\t10\t1.000000\n") == 0,
        "a line a row");
    free(text);
    roster_free(&roster);
}

static void test_wilson(void)
{
    int64_t shape[2];
    double *const wanted = golden_get("wilson", DTYPE_F64, 2, shape), worst = 0, low, high;
    for (int64_t i = 0; i < shape[0]; i++) {
        const double *const w = wanted + 4 * i;
        tally_wilson(&low, &high, (int)w[0], (int)w[1]);
        worst = fmax(worst, fmax(fabs(low - w[2]), fabs(high - w[3])));
    }
    OK(shape[0] == 7, "intervals to compare");
    NEAR(worst, 0, 1e-9, "Wilson's interval is SciPy's");
    tally_wilson(&low, &high, 0, 0);
    OK(low == 0 && high == 100, "of nothing, nothing is known");
    free(wanted);
}

int main(void)
{
    golden_open("tests/golden/verdict.safetensors");
    int *const label = integers("label", N), *const predicted = integers("predicted", N);
    float *const probability = golden_get("probability", DTYPE_F32, 1, NULL);
    int rank[N];
    for (int i = 0; i < N; i++)
        rank[i] = label[i] == predicted[i] ? 0 : 7;
    json_t *const names = json_pack("[s,s,s]", "a", "-", "b\tc");
    const struct verdict v = {.rows = N,
        .label = label,
        .predicted = predicted,
        .rank = rank,
        .probability = probability,
        .names = names};
    test_confusion(&v);
    test_classes(&v);
    test_calibration(&v);
    test_predictions();
    test_wilson();
    json_decref(names);
    free(label);
    free(predicted);
    free(probability);
    safetensors_free(&golden);
    return tap_done();
}
