/* softmax -- softmax cross entropy of logits, and its gradient.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/softmax.h"

#include "lib/base/cpu.h"
#include "lib/base/fastexp.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { BLOCK = 32 }; /* rows a piece of work */

CPU_CLONES
struct softmax_row softmax_row(float *logit, int classes, int class)
{
    int best = 0;
    for (int l = 1; l < classes; l++)
        best = logit[l] > logit[best] ? l : best;
    const float top = logit[best];
    const double own = logit[class];
    double sum = 0;
    for (int l = 0; l < classes; l++)
        logit[l] = fastexp(logit[l] - top);
    for (int l = 0; l < classes; l++)
        sum += logit[l];
    const float share = (float)(1 / sum);
    for (int l = 0; l < classes; l++)
        logit[l] *= share;
    logit[class] -= 1;
    /* cppcheck-suppress invalidFunctionArg ; the likeliest class alone adds 1 */
    return (struct softmax_row){log(sum) - (own - top), best == class};
}

struct mean {
    float *logit;
    struct softmax_row *row;
    const int64_t *label;
    int rows, classes;
    float share; /* of a labelled row in the mean */
};

static void work(void *context, int block, int thread)
{
    const struct mean *const m = context;
    const int end = m->rows - block * BLOCK < BLOCK ? m->rows : (block + 1) * BLOCK;
    (void)thread;
    for (int i = block * BLOCK; i < end; i++) {
        float *const logit = m->logit + (size_t)i * (size_t)m->classes;
        m->row[i] = (struct softmax_row){0};
        if (m->label[i] < 0) {
            memset(logit, 0, (size_t)m->classes * sizeof *logit);
            continue;
        }
        m->row[i] = softmax_row(logit, m->classes, (int)m->label[i]);
        for (int l = 0; l < m->classes; l++)
            logit[l] *= m->share;
    }
}

struct softmax_result softmax_mean(struct parallel *parallel, float *logit, struct softmax_row *row,
    const int64_t *label, int rows, int classes)
{
    struct softmax_result result = {0};
    struct mean m = {logit, row, label, rows, classes, 0};
    for (int i = 0; i < rows; i++)
        result.rows += label[i] >= 0;
    m.share = result.rows > 0 ? 1 / (float)result.rows : 0;
    parallel_run(parallel, (rows + BLOCK - 1) / BLOCK, work, &m);
    for (int i = 0; i < rows; i++) {
        result.loss += row[i].loss;
        result.right += row[i].right;
    }
    if (result.rows > 0)
        result.loss /= result.rows;
    return result;
}
