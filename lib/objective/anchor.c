/* anchor -- one anchor, many similarities: what each loss makes of them.
 * SPDX-License-Identifier: MIT */
#include "lib/objective/anchor.h"

#include "lib/objective/simrow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A positive among the others, by similarity. */
struct rank {
    float s;
    int at;
};

struct anchor_scratch {
    struct rank *rank; /* [positives], rising */
    float *sorted;     /* [positives] their similarities */
    double *sum;       /* [positives+1] of the similarities before each; or that of its negative */
    int *negative; /* [positives+1] how many found this place; or the nearest of them, -1: none */
    int *place;    /* [columns] of each negative among the positives */
};

struct anchor_scratch *anchor_layout(struct arena *arena, int columns)
{
    const size_t count = (size_t)columns;
    struct anchor_scratch *const scratch = arena_take(arena, 1, sizeof *scratch);
    const struct anchor_scratch pieces = {arena_take(arena, count, sizeof(struct rank)),
        arena_take(arena, count, sizeof(float)), arena_take(arena, count + 1, sizeof(double)),
        arena_take(arena, count + 1, sizeof(int)), arena_take(arena, count, sizeof(int))};
    if (scratch != NULL)
        *scratch = pieces;
    return scratch;
}

static double softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

/* ---- softmax ------------------------------------------------------------------------------------- */

/* Log of the sum of e^x over the positives. */
static double positive_log_sum(const struct anchor *a, double temperature)
{
    double top = a->positive[0];
    for (int p = 1; p < a->positives; p++)
        top = a->positive[p] > top ? a->positive[p] : top;
    double sum = exp((a->positive[0] - top) / temperature);
    for (int p = 1; p < a->positives; p++)
        sum += exp((a->positive[p] - top) / temperature);
    return top / temperature + log(sum);
}

static double positive_mean(const struct anchor *a)
{
    double sum = 0;
    for (int p = 0; p < a->positives; p++)
        sum += a->positive[p];
    return sum / a->positives;
}

/* What is no negative has no gradient. */
static void nothing(float *x, int n)
{
    memset(x, 0, (size_t)n * sizeof *x);
}

/* Positives and negatives are two heaps; d is how much heavier the second is, in logarithms, and its share
 * of all is sigmoid(d). The softmax of a positive is own (1 - share), own that within its heap. */
static double softmax(struct anchor *a, enum anchor_loss loss, double temperature)
{
    const float top = simrow_max(a->s, a->columns), scale = (float)(1 / temperature);
    const bool alone = top == SIMROW_GONE;
    const double sum = alone ? 0 : simrow_sum(NULL, a->s, a->columns, scale, top);
    const double negative = alone ? -INFINITY : top / temperature + log(sum);
    const double positive = positive_log_sum(a, temperature), mean = positive_mean(a) / temperature;
    const double d = negative - positive, each = 1.0 / a->positives;
    const double share = loss == ANCHOR_DECOUPLED ? 1 : sigmoid(d);
    if (alone)
        nothing(a->s, a->columns);
    else
        simrow_exp(a->s, a->columns, scale, top, (float)(share / sum / temperature));
    for (int p = 0; p < a->positives; p++) {
        const double own = exp(a->positive[p] / temperature - positive);
        const double w = loss == ANCHOR_DECOUPLED ? -each
                         : loss == ANCHOR_INSIDE  ? -own * share
                                                  : own - each - own * share;
        a->positive[p] = (float)(w / temperature);
    }
    return loss == ANCHOR_DECOUPLED ? negative - mean
           : loss == ANCHOR_INSIDE  ? softplus(d) - log(each)
                                    : positive + softplus(d) - mean;
}

/* ---- positives in a row, and where a negative falls among them ------------------------------------ */

static int by_similarity(const void *left, const void *right)
{
    const struct rank *const a = left, *const b = right;
    if (a->s != b->s)
        return a->s < b->s ? -1 : 1;
    return a->at - b->at;
}

/* And the place of each negative, `shift` nearer, among them: how many are below it; `same`: or at it. */
static void rank_positives(const struct anchor *a, double shift, bool same)
{
    struct rank *const rank = a->scratch->rank;
    for (int p = 0; p < a->positives; p++)
        rank[p] = (struct rank){a->positive[p], p};
    if (a->positives > 1)
        qsort(rank, (size_t)a->positives, sizeof *rank, by_similarity);
    for (int r = 0; r < a->positives; r++)
        a->scratch->sorted[r] = rank[r].s;
    simrow_places(
        a->scratch->place, a->scratch->sorted, a->positives, a->s, a->columns, shift, same);
}

/* ---- semi-hard mining ---------------------------------------------------------------------------- */

/* negative[r]: the nearest of those farther than the positive of rank r; sum[r]: its similarity. A negative
 * in place c is farther than the positives from rank c up. */
static void find_nearest(const struct anchor *a)
{
    int *const nearest = a->scratch->negative;
    for (int r = 0; r <= a->positives; r++)
        nearest[r] = -1;
    for (int k = 0; k < a->columns; k++) {
        if (a->s[k] == SIMROW_GONE)
            continue;
        int *const best = &nearest[a->scratch->place[k]];
        if (*best < 0 || a->s[k] > a->s[*best])
            *best = k;
    }
    for (int r = 0; r < a->positives; r++) {
        if (nearest[r] < 0 && r > 0)
            nearest[r] = nearest[r - 1];
        a->scratch->sum[r] = nearest[r] < 0 ? -INFINITY : a->s[nearest[r]];
    }
}

static double semi_hard(struct anchor *a, const struct anchor_rule *rule)
{
    const bool logistic = rule->loss == ANCHOR_LOGISTIC;
    const double scale = logistic ? 1 / rule->temperature : 1, each = 1.0 / a->positives;
    double loss = 0;
    rank_positives(a, 0, true);
    find_nearest(a);
    nothing(a->s, a->columns);
    for (int r = 0; r < a->positives; r++) {
        const double p = a->scratch->rank[r].s, n = a->scratch->sum[r];
        const bool found = n > p - rule->margin;
        double pull = 0, push = 0;
        if (logistic) {
            loss += softplus(-scale * p) + (found ? softplus(scale * n) : 0);
            pull = sigmoid(-scale * p);
            push = found ? sigmoid(scale * n) : 0;
        } else if (found) {
            loss += n - p + rule->margin;
            pull = push = 1;
        }
        a->positive[a->scratch->rank[r].at] = (float)(-scale * each * pull);
        if (found)
            a->s[a->scratch->negative[r]] += (float)(scale * each * push);
    }
    return loss * each;
}

/* ---- all negatives ------------------------------------------------------------------------------- */

static double logistic(struct anchor *a, double temperature)
{
    const double scale = 1 / temperature, each = 1.0 / a->positives;
    double loss = 0;
    for (int p = 0; p < a->positives; p++) {
        const double x = scale * a->positive[p];
        loss += each * softplus(-x);
        a->positive[p] = (float)(-scale * each * sigmoid(-x));
    }
    if (a->negatives == 0) {
        nothing(a->s, a->columns);
        return loss;
    }
    const double share = 1.0 / a->negatives;
    return loss + share * simrow_logistic(a->s, a->columns, (float)scale, (float)(scale * share));
}

/* A negative in place c, all of whose positives are below s_n + margin, violates c triplets; a positive
 * of rank r is in those of the negatives in places beyond r. */
static double triplet(struct anchor *a, double margin)
{
    const struct rank *const rank = a->scratch->rank;
    double *const sum = a->scratch->sum, loss = 0;
    int *const found = a->scratch->negative, violated = 0;
    const double each = a->negatives > 0 ? 1.0 / a->positives / a->negatives : 0;
    rank_positives(a, margin, false);
    sum[0] = 0;
    for (int r = 0; r < a->positives; r++)
        sum[r + 1] = sum[r] + rank[r].s;
    memset(found, 0, ((size_t)a->positives + 1) * sizeof *found);
    for (int k = 0; k < a->columns; k++) {
        const int c = a->scratch->place[k];
        if (c > 0)
            loss += c * (a->s[k] + margin) - sum[c];
        found[c]++;
        a->s[k] = (float)(each * c);
    }
    for (int r = a->positives - 1; r >= 0; r--) {
        violated += found[r + 1];
        a->positive[rank[r].at] = (float)(-each * violated);
    }
    return each * loss;
}

double anchor_step(struct anchor *a, const struct anchor_rule *rule)
{
    if (a->negatives == 0 && rule->loss == ANCHOR_DECOUPLED) {
        nothing(a->s, a->columns);
        nothing(a->positive, a->positives);
        return 0;
    }
    if (rule->semi_hard)
        return semi_hard(a, rule);
    if (rule->loss == ANCHOR_LOGISTIC)
        return logistic(a, rule->temperature);
    if (rule->loss == ANCHOR_TRIPLET)
        return triplet(a, rule->margin);
    return softmax(a, rule->loss, rule->temperature);
}

/* ---- what to compare a loss with ----------------------------------------------------------------- */

double anchor_baseline(const struct anchor_rule *rule, int positives, int negatives)
{
    const bool some = negatives > 0;
    switch (rule->loss) {
    case ANCHOR_DECOUPLED:
        return some ? log(negatives) : 0;
    case ANCHOR_LOGISTIC:
        return (some ? 2 : 1) * log(2);
    case ANCHOR_TRIPLET:
        return some ? rule->margin : 0;
    case ANCHOR_OUTSIDE:
    case ANCHOR_INSIDE:
        break;
    }
    return log(positives + negatives);
}

double anchor_floor(const struct anchor_rule *rule, int positives, int negatives, int groups)
{
    const double apart = groups > 1 ? -1.0 / (groups - 1) : -1, gap = 1 - apart;
    const double t = rule->temperature;
    const bool some = negatives > 0 && (!rule->semi_hard || gap < rule->margin);
    switch (rule->loss) {
    case ANCHOR_DECOUPLED:
        return some ? log(negatives) - gap / t : 0;
    case ANCHOR_LOGISTIC:
        return softplus(-1 / t) + (some ? softplus(apart / t) : 0);
    case ANCHOR_TRIPLET:
        return some && gap < rule->margin ? rule->margin - gap : 0;
    case ANCHOR_OUTSIDE:
    case ANCHOR_INSIDE:
        break;
    }
    return log(positives + negatives * exp(-gap / t));
}
