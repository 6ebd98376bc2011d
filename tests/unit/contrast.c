/* contrast -- against PyTorch, against NT-Xent, plain double loops and finite differences; bits; memory.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* getrusage with ru_maxrss */
#include "lib/objective/contrast.h"

#include "formats/safetensors.h"
#include "lib/base/rng.h"
#include "lib/nn/gemm.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct parallel *pool[3];

static const struct {
    const char *name;
    struct anchor_rule rule;
} kinds[] = {
    {"outside", {ANCHOR_OUTSIDE, false, 0.2, 0}},
    {"inside", {ANCHOR_INSIDE, false, 0.2, 0}},
    {"decoupled", {ANCHOR_DECOUPLED, false, 0.2, 0}},
    {"logistic", {ANCHOR_LOGISTIC, false, 0.2, 0}},
    {"logistic-mined", {ANCHOR_LOGISTIC, true, 0.2, 0.4}},
    {"triplet", {ANCHOR_TRIPLET, false, 0, 0.4}},
    {"triplet-mined", {ANCHOR_TRIPLET, true, 0, 0.4}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct rows {
    int m, p;
    float *z, *grad;
    int64_t *id, *view, *label;
};

static struct ntxent_result run(const struct rows *r, const struct anchor_rule *rule,
    struct parallel *parallel, struct err *err)
{
    struct ntxent_result result = {0};
    struct contrast *const c = contrast_new(r->p, rule, parallel, err);
    contrast_step(c, &result, r->grad, r->z, r->id, r->label, r->view, r->m, err);
    contrast_free(c);
    return result;
}

/* Random rows, view by view, of classes; one picture in seven has no label. */
static struct rows draw(int pictures, int views, int p, int classes, double signal)
{
    const size_t m = (size_t)pictures * (size_t)views;
    struct rows r = {(int)m, p, malloc(m * (size_t)p * 4), malloc(m * (size_t)p * 4),
        malloc(m * sizeof(int64_t)), malloc(m * sizeof(int64_t)), malloc(m * sizeof(int64_t))};
    for (int i = 0; i < r.m; i++) {
        const int id = i % pictures, view = i / pictures;
        r.id[i] = id;
        r.view[i] = view;
        r.label[i] = id % 7 == 6 ? -1 : id * 5 % 11 % classes;
        struct rng own = rng_key(5, 0, id, view, "own"), shared = rng_key(5, 0, id, 0, "shared");
        struct rng class = rng_key(5, 0, r.label[i] + 1, 0, "class");
        for (int j = 0; j < p; j++)
            r.z[(size_t)i * (size_t)p + (size_t)j] =
                (float)(rng_normal(&own) + signal * (rng_normal(&shared) + rng_normal(&class)));
    }
    return r;
}

static void release(struct rows *r)
{
    free(r->z);
    free(r->grad);
    free(r->id);
    free(r->view);
    free(r->label);
}

/* ---- goldens ------------------------------------------------------------------------------------- */

static void *find(
    const struct safetensors *doc, const char *set, const char *what, int64_t *rows, int64_t *width)
{
    char key[96];
    snprintf(key, sizeof key, "%s.%s", set, what);
    const struct tensor *const t = safetensors_find(doc, key);
    if (t == NULL)
        return NULL;
    if (rows != NULL) {
        *rows = t->shape[0];
        *width = t->shape[1];
    }
    void *const copy = malloc(t->bytes); /* what was parsed is not aligned */
    memcpy(copy, t->data, t->bytes);
    return copy;
}

static void check_golden(
    const struct safetensors *doc, const char *set, const struct rows *rows, int kind)
{
    static const char *const names[] = {
        "loss", "accuracy", "entropy", "alignment", "uniformity", "std"};
    char what[64], name[96];
    struct err err = {0};
    const size_t size = (size_t)rows->m * (size_t)rows->p;
    snprintf(
        name, sizeof name, "%s.%s.%s", set, rows->label != NULL ? "label" : "id", kinds[kind].name);
    snprintf(what, sizeof what, "%s.result", name + strlen(set) + 1);
    double *const want = find(doc, set, what, NULL, NULL);
    snprintf(what, sizeof what, "%s.grad", name + strlen(set) + 1);
    float *const single = find(doc, set, what, NULL, NULL);
    double *const grad = malloc(size * sizeof *grad);
    for (size_t i = 0; i < size; i++)
        grad[i] = single[i];
    const struct ntxent_result r = run(rows, &kinds[kind].rule, pool[1], &err);
    const double have[] = {r.loss, r.accuracy, r.entropy, r.alignment, r.uniformity, r.std};
    OK(err.status == ERR_NONE, "%s: %d rows %s", name, rows->m, err.text);
    for (int i = 0; i < 6; i++)
        if (isnan(want[i]))
            OK(isnan(have[i]), "%s: %s is nan", name, names[i]);
        else
            NEAR(have[i], want[i], 2e-6 * fabs(want[i]) + 1e-12, "%s: %s of PyTorch to 2e-6", name,
                names[i]);
    double worst = 0; /* of any row: the longest gradients do not hide the others */
    for (int i = 0; i < rows->m; i++)
        worst =
            fmax(worst, tap_error(rows->grad + i * rows->p, grad + i * rows->p, (size_t)rows->p));
    NEAR(tap_error(rows->grad, grad, size), 0, 1e-6, "%s: gradient of PyTorch to 1e-6", name);
    NEAR(worst, 0, 1e-5, "%s: gradient of each row to 1e-5", name);
    free(want);
    free(single);
    free(grad);
}

static void goldens(void)
{
    static const char *const sets[] = {"classes", "unknown", "single", "lengths", "one"};
    struct safetensors doc;
    struct err err = {0};
    if (safetensors_load(&doc, "tests/golden/contrast.safetensors", 1 << 24, &err) < 0) {
        OK(0, "%s", err.text);
        return;
    }
    for (int s = 0; s < 5; s++) {
        int64_t m = 0, p = 0;
        float *const z = find(&doc, sets[s], "z", &m, &p);
        struct rows rows = {(int)m, (int)p, z, malloc((size_t)(m * p) * sizeof *z),
            find(&doc, sets[s], "id", NULL, NULL), find(&doc, sets[s], "view", NULL, NULL),
            find(&doc, sets[s], "label", NULL, NULL)};
        for (int k = 0; k < KINDS; k++)
            check_golden(&doc, sets[s], &rows, k);
        int64_t *const label = rows.label;
        rows.label = NULL;
        for (int k = 0; k < KINDS && s != 2 && s != 4; k++)
            check_golden(&doc, sets[s], &rows, k);
        rows.label = label;
        release(&rows);
    }
    safetensors_free(&doc);
}

/* ---- the twin: formulas in double ---------------------------------------------------------------- */

static double softplus(double x)
{
    return x > 30 ? x : log1p(exp(x));
}

static bool same_group(const struct rows *r, int i, int k)
{
    return r->label == NULL || r->label[i] < 0 ? r->id[i] == r->id[k] : r->label[i] == r->label[k];
}

/* The negative that is mined for positive p; -1: none. */
static int mine(const struct rows *r, const double *s, int i, int p, double margin)
{
    int best = -1;
    for (int k = 0; k < r->m; k++)
        if (!same_group(r, i, k) && s[k] < s[p] && s[k] > s[p] - margin &&
            (best < 0 || s[k] > s[best]))
            best = k;
    return best;
}

static double twin_anchor(
    const struct rows *r, const double *s, int i, const struct anchor_rule *rule)
{
    const double t = rule->temperature;
    double all = 0, own = 0, others = 0, mean = 0, pull = 0, push = 0, triplets = 0, mined = 0;
    int positives = 0, negatives = 0;
    for (int k = 0; k < r->m; k++) {
        const bool same = same_group(r, i, k);
        if (k == i)
            continue;
        positives += same;
        negatives += !same;
        all += exp(s[k] / t);
        own += same ? exp(s[k] / t) : 0;
        others += same ? 0 : exp(s[k] / t);
        mean += same ? s[k] / t : 0;
        pull += same ? softplus(-s[k] / t) : 0;
        push += same ? 0 : softplus(s[k] / t);
        for (int n = 0; n < r->m && same; n++)
            triplets += same_group(r, i, n) ? 0 : fmax(s[n] - s[k] + rule->margin, 0);
        const int n = same ? mine(r, s, i, k, rule->margin) : -1;
        if (n >= 0)
            mined +=
                rule->loss == ANCHOR_LOGISTIC ? softplus(s[n] / t) : s[n] - s[k] + rule->margin;
    }
    if (positives == 0)
        return 0;
    switch (rule->loss) {
    case ANCHOR_OUTSIDE:
        return log(all) - mean / positives;
    case ANCHOR_INSIDE:
        return -log(own / positives / all);
    case ANCHOR_DECOUPLED:
        return log(others) - mean / positives;
    case ANCHOR_LOGISTIC:
        return pull / positives + (rule->semi_hard ? mined / positives : push / negatives);
    case ANCHOR_TRIPLET:
        break;
    }
    return (rule->semi_hard ? mined : triplets / negatives) / positives;
}

static double twin(const struct rows *r, const double *z, const struct anchor_rule *rule)
{
    const int m = r->m, p = r->p;
    double *const s = malloc((size_t)m * sizeof *s), loss = 0;
    int anchors = 0;
    for (int i = 0; i < m; i++) {
        bool some = false;
        for (int k = 0; k < m; k++) {
            double dot = 0, a = 0, b = 0;
            for (int j = 0; j < p; j++) {
                dot += z[i * p + j] * z[k * p + j];
                a += z[i * p + j] * z[i * p + j];
                b += z[k * p + j] * z[k * p + j];
            }
            s[k] = dot / sqrt(a * b);
            some = some || (k != i && same_group(r, i, k));
        }
        anchors += some;
        loss += twin_anchor(r, s, i, rule);
    }
    free(s);
    return loss / anchors;
}

static void finite_differences(int views, int classes, double temperature, double margin)
{
    for (int k = 0; k < KINDS; k++) {
        struct err err = {0};
        struct rows r = draw(8, views, 5, classes > 0 ? classes : 2, 0.5);
        struct anchor_rule rule = kinds[k].rule;
        const int size = r.m * r.p;
        double *const z = malloc((size_t)size * sizeof *z);
        double *const want = malloc((size_t)size * sizeof *z);
        rule.temperature = temperature;
        rule.margin = margin;
        if (classes == 0) {
            free(r.label);
            r.label = NULL;
        }
        const struct ntxent_result got = run(&r, &rule, NULL, &err);
        for (int i = 0; i < size; i++)
            z[i] = r.z[i];
        const double loss = twin(&r, z, &rule);
        NEAR(got.loss, loss, 2e-6 * fabs(loss), "%s: loss of the twin %s", kinds[k].name, err.text);
        for (int i = 0; i < size; i++) {
            const double h = 1e-6;
            z[i] = r.z[i] + h;
            const double up = twin(&r, z, &rule);
            z[i] = r.z[i] - h;
            want[i] = (up - twin(&r, z, &rule)) / (2 * h);
            z[i] = r.z[i];
        }
        NEAR(tap_error(r.grad, want, (size_t)size), 0, 3e-6,
            "%s: %d views, %d classes, T %g, margin %g: gradient of finite differences",
            kinds[k].name, views, classes, temperature, margin);
        free(z);
        free(want);
        release(&r);
    }
}

/* ---- SimCLR is the case in which a label is an id ------------------------------------------------- */

static void labels_are_ids(int pictures, int views, double temperature)
{
    struct err err = {0};
    struct rows r = draw(pictures, views, 24, 3, 0.7);
    const size_t size = (size_t)r.m * (size_t)r.p;
    const struct anchor_rule rule = {ANCHOR_OUTSIDE, false, temperature, 0};
    double *const want = malloc(size * sizeof *want);
    struct ntxent_result a = {0};
    struct ntxent *const n = ntxent_new(r.p, temperature, false, pool[1], &err);
    ntxent_forward(n, &a, r.z, r.id, r.view, r.m, &err);
    ntxent_backward(n, r.grad);
    ntxent_free(n);
    for (size_t i = 0; i < size; i++)
        want[i] = r.grad[i];
    for (int way = 0; way < 3; way++) { /* labels that are ids; unknown ones; none */
        for (int i = 0; i < r.m; i++)
            r.label[i] = way == 0 ? r.id[i] : -1;
        if (way == 2) {
            free(r.label);
            r.label = NULL;
        }
        const struct ntxent_result b = run(&r, &rule, pool[1], &err);
        NEAR(b.loss, a.loss, 1e-6 * a.loss, "%d: the loss of NT-Xent %s", way, err.text);
        NEAR(b.baseline, a.baseline, 1e-12, "%d: its baseline", way);
        NEAR(b.floor, a.floor, 1e-12, "%d: its floor", way);
        NEAR(b.accuracy, a.accuracy, 1e-12, "%d: its accuracy", way);
        NEAR(b.entropy, a.entropy, 2e-6 * a.entropy, "%d: its entropy", way);
        NEAR(b.alignment, a.alignment, 1e-9, "%d: its alignment", way);
        NEAR(b.uniformity, a.uniformity, 1e-6, "%d: its uniformity", way);
        NEAR(b.std, a.std, 1e-12, "%d: its deviation", way);
        NEAR(tap_error(r.grad, want, size), 0, 2e-6, "%d: its gradient", way);
    }
    free(want);
    release(&r);
}

/* ---- bits and extremes --------------------------------------------------------------------------- */

/* The same bits whatever the threads, the order of the rows, and what came before. */
static void bits(int kind)
{
    struct err err = {0};
    struct rows r = draw(150, 3, 20, 4, 0.3), s = draw(150, 3, 20, 4, 0.3);
    struct rows large = draw(300, 2, 20, 2, 0);
    const struct anchor_rule *const rule = &kinds[kind].rule;
    const size_t size = (size_t)r.m * (size_t)r.p;
    const struct ntxent_result one = run(&r, rule, NULL, &err);
    float *const grad = malloc(size * sizeof *grad);
    int different = 0;
    memcpy(grad, r.grad, size * sizeof *grad);
    for (int threads = 2; threads <= 3; threads++) {
        const struct ntxent_result again = run(&r, rule, pool[threads - 1], &err);
        different += memcmp(&again, &one, sizeof one) != 0;
        different += memcmp(grad, r.grad, size * sizeof *grad) != 0;
    }
    OK(different == 0, "%s: threads change no bit", kinds[kind].name);
    for (int i = 0; i < r.m; i++) {
        const int to = (int)((int64_t)i * 77 % r.m); /* 77 and 450 have no common divisor */
        memcpy(s.z + to * r.p, r.z + i * r.p, (size_t)r.p * sizeof *r.z);
        s.id[to] = r.id[i];
        s.view[to] = r.view[i];
        s.label[to] = r.label[i];
    }
    const struct ntxent_result mixed = run(&s, rule, pool[1], &err);
    different += memcmp(&mixed, &one, sizeof one) != 0;
    for (int i = 0; i < r.m; i++)
        different += memcmp(s.grad + (int)((int64_t)i * 77 % r.m) * r.p, grad + i * r.p,
                         (size_t)r.p * sizeof *grad) != 0;
    OK(different == 0, "%s: the order of rows changes no bit", kinds[kind].name);

    struct contrast *const c = contrast_new(r.p, rule, pool[1], &err);
    struct ntxent_result other, again;
    contrast_step(c, &other, large.grad, large.z, large.id, large.label, large.view, large.m, &err);
    contrast_step(c, &other, NULL, r.z, r.id, r.label, r.view, r.m, &err);
    contrast_step(c, &again, r.grad, r.z, r.id, r.label, NULL, r.m, &err);
    contrast_free(c);
    OK(memcmp(&other, &one, sizeof one) == 0 && memcmp(&again, &one, sizeof one) == 0 &&
            memcmp(grad, r.grad, size * sizeof *grad) == 0,
        "%s: after a larger step, without a gradient, and without views: the same bits",
        kinds[kind].name);
    free(grad);
    release(&large);
    release(&s);
    release(&r);
}

static bool all_finite(const struct rows *r, double loss)
{
    bool finite = isfinite(loss);
    for (int i = 0; i < r->m * r->p; i++)
        finite = finite && isfinite(r->grad[i]);
    return finite;
}

static void extremes(int kind)
{
    struct err err = {0};
    struct rows r = draw(64, 2, 8, 5, 1);
    struct anchor_rule rule = kinds[kind].rule;
    const char *const name = kinds[kind].name;
    int finite = 0;
    for (double t = 1e-6; t < 2e6; t *= 1000) {
        rule.temperature = rule.loss == ANCHOR_TRIPLET ? 0 : t;
        const struct ntxent_result c = run(&r, &rule, pool[1], &err);
        finite += all_finite(&r, c.loss) && (rule.temperature == 0 || isfinite(c.entropy));
    }
    OK(finite == 5 && err.status == ERR_NONE, "%s: all is finite at any temperature", name);
    rule = kinds[kind].rule;
    for (int i = 0; i < r.m; i++) /* collapse: all rows the same */
        memcpy(r.z + i * r.p, r.z, (size_t)r.p * sizeof *r.z);
    struct ntxent_result c = run(&r, &rule, pool[1], &err);
    OK(all_finite(&r, c.loss), "%s: collapsed, all is finite", name);
    if (!rule.semi_hard && rule.loss != ANCHOR_LOGISTIC)
        NEAR(c.loss, c.baseline, 2e-6, "%s: collapsed, the loss is the baseline", name);
    memset(r.z, 0, (size_t)(r.m * r.p) * sizeof *r.z);
    c = run(&r, &rule, pool[1], &err);
    OK(all_finite(&r, c.loss), "%s: nothing but zeros, all is finite", name);
    if (!rule.semi_hard)
        NEAR(c.loss, c.baseline, 2e-6, "%s: nothing but zeros: the baseline", name);
    for (int i = 0; i < r.m; i++)
        r.label[i] = 3;
    c = run(&r, &rule, pool[1], &err);
    OK(err.status == ERR_NONE && all_finite(&r, c.loss) && isfinite(c.floor) &&
            isfinite(c.baseline) && c.accuracy == 1,
        "%s: one class, no negatives: all is finite %s", name, err.text);
    release(&r);
}

/* Perfect embeddings are at the floor: classes at the corners of a square, opposite ones in 1, 2 dims. */
static void floors(int kind)
{
    struct rows r = draw(30, 2, 2, 2, 0);
    struct err err = {0};
    for (int i = 0; i < r.m; i++) { /* a triangle */
        r.label[i] = r.id[i] % 3;
        r.z[2 * i] = (float)cos(2 * 3.14159265358979 / 3 * (double)r.label[i]);
        r.z[2 * i + 1] = (float)sin(2 * 3.14159265358979 / 3 * (double)r.label[i]);
    }
    for (double margin = 1; margin < 2; margin += 0.8) {
        struct anchor_rule rule = kinds[kind].rule;
        rule.margin = margin;
        const struct ntxent_result c = run(&r, &rule, NULL, &err);
        NEAR(c.loss, c.floor, 1e-6, "%s: three classes in a triangle, margin %g: the floor %g",
            kinds[kind].name, margin, c.floor);
        NEAR(c.alignment, 0, 1e-12, "%s: alignment 0", kinds[kind].name);
        OK(c.accuracy == 1, "%s: accuracy 1", kinds[kind].name);
    }
    release(&r);
}

static void refusals(void)
{
    struct err err = {0};
    static float z[6] = {1, 2, 3, 4, 5, 6}, grad[6];
    static int64_t id[] = {7, 8, 7}, view[] = {0, 0, 1}, label[] = {1, 2, 3};
    struct rows bad = {3, 2, z, grad, id, view, label};
    run(&bad, &kinds[0].rule, NULL, &err);
    OK(err.status == ERR_INPUT && strstr(err.text, "picture 7 has labels 1 and 3") != NULL, "%s",
        err.text);
    err = (struct err){0};
    label[2] = 1;
    id[2] = 9;
    label[0] = 0;
    run(&bad, &kinds[0].rule, NULL, &err);
    OK(err.status == ERR_INPUT && strstr(err.text, "no positives") != NULL, "%s", err.text);
    err = (struct err){0};
    label[0] = 1;
    z[5] = INFINITY;
    run(&bad, &kinds[0].rule, NULL, &err);
    OK(err.status == ERR_FAILED && strstr(err.text, "picture 9 holds Inf") != NULL, "%s", err.text);
    err = (struct err){0};
    bad.label = NULL;
    z[5] = 0;
    run(&bad, &kinds[2].rule, NULL, &err);
    OK(err.status == ERR_INPUT && strstr(err.text, "no second view") != NULL, "%s", err.text);
}

/* 2N = 16384, P = 128: three copies of 8 MiB and a panel of 12, not a matrix of 1 GiB. */
static void memory(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("memory is not measured under a sanitizer");
#else
    struct err err = {0};
    struct rusage usage;
    struct rows r = draw(8192, 2, 128, 10, 0.5);
    const struct ntxent_result c = run(&r, &kinds[0].rule, pool[1], &err);
    getrusage(RUSAGE_SELF, &usage);
    OK(isfinite(c.loss) && usage.ru_maxrss < 100 * 1024, "16384 rows: %ld KiB are below 100 MiB",
        usage.ru_maxrss);
    release(&r);
#endif
}

int main(void)
{
    struct err err = {0};
    OK(gemm_init(&err) == 0, "BLAS is sound");
    for (int i = 0; i < 3; i++)
        pool[i] = parallel_new(i + 1, &err);
    goldens();
    finite_differences(2, 0, 0.5, 0.3);
    finite_differences(3, 0, 0.2, 0.8);
    finite_differences(2, 2, 0.5, 0.3);
    finite_differences(1, 2, 0.2, 0.8);
    labels_are_ids(150, 2, 0.5);
    labels_are_ids(40, 3, 0.1);
    for (int k = 0; k < KINDS; k++) {
        bits(k);
        extremes(k);
        floors(k);
    }
    refusals();
    memory();
    for (int i = 0; i < 3; i++)
        parallel_free(pool[i]);
    return tap_done();
}
