/* draws -- what augment.h draws: means, spreads, independence, and bits that never change.
 *
 * Bounds are five standard errors of the number of draws, unless a test says otherwise.
 * SPDX-License-Identifier: MIT */
#include "lib/image/augment.h"

#include "tests/unit/tap.h"

#include <stdbool.h>
#include <string.h>

enum { DRAWS = 48000, SIZE = 96, HEIGHT = 120, WIDTH = 100 };

static struct augment_draw draw(const struct augment *recipe, int i)
{
    return augment_draw(recipe, 3, i % 5, i / 2, i % 2, HEIGHT, WIDTH);
}

/* Everything on, each with a chance of its own, none of them 0 or 1. */
static struct augment everything(const char *name)
{
    struct augment recipe;
    if (!augment_named(&recipe, name, SIZE))
        OK(false, "there is a recipe %s", name);
    for (int i = 0; i < AUGMENT_OPERATIONS; i++)
        recipe.chance[i] = 0.2 + 0.05 * i;
    return recipe;
}

struct spread {
    double sum, square, least, most;
    int n;
};

static void add(struct spread *s, double x)
{
    s->least = s->n == 0 || x < s->least ? x : s->least;
    s->most = s->n == 0 || x > s->most ? x : s->most;
    s->sum += x;
    s->square += x * x;
    s->n++;
}

/* Uniform in [low, high): mean, deviation, and the ends nearly reached. The fourth central moment
 * of a uniform variable is width^4 / 80, whence the error of its variance. */
static void check_uniform(const struct spread *s, double low, double high, const char *what)
{
    const double width = high - low, mean = s->sum / s->n, variance = width * width / 12;
    const double error = width * width * sqrt((1.0 / 80 - 1.0 / 144) / s->n);
    NEAR(mean, (low + high) / 2, 5 * sqrt(variance / s->n), "mean of %s", what);
    NEAR(s->square / s->n - mean * mean, variance, 5 * error, "variance of %s", what);
    OK(s->least >= low - 1e-6 && s->least < low + 0.01 * width && s->most <= high + 1e-6 &&
            s->most > high - 0.01 * width,
        "%s fills its range", what);
}

static void check_share(int count, int n, double p, const char *what)
{
    NEAR((double)count / n, p, 5 * sqrt(p * (1 - p) / n), "share of %s", what);
}

/* ---- chances -------------------------------------------------------------------------------- */

static void test_chances(void)
{
    const struct augment recipe = everything("simclr");
    static int both[AUGMENT_OPERATIONS][AUGMENT_OPERATIONS];
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw d = draw(&recipe, i);
        for (int a = 0; a < AUGMENT_OPERATIONS; a++)
            for (int b = 0; b <= a; b++)
                both[a][b] += d.does[a] && d.does[b];
    }
    double worst = 0;
    for (int a = 0; a < AUGMENT_OPERATIONS; a++) {
        check_share(both[a][a], DRAWS, recipe.chance[a], augment_name((enum augment_operation)a));
        for (int b = 0; b < a; b++) {
            const double p = recipe.chance[a] * recipe.chance[b];
            const double off = fabs(both[a][b] - DRAWS * p) / sqrt(DRAWS * p * (1 - p));
            worst = off > worst ? off : worst;
        }
    }
    OK(worst < 5, "each two of the operations are independent: %.1f standard errors", worst);
}

/* ---- parameters ----------------------------------------------------------------------------- */

static void test_orders(void)
{
    struct augment recipe = everything("simclr");
    recipe.chance[AUGMENT_JITTER] = 1;
    int order[256] = {0}, orders = 0;
    double chi = 0;
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw d = draw(&recipe, i);
        order[d.order[0] << 6 | d.order[1] << 4 | d.order[2] << 2 | d.order[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        orders += order[i] > 0;
        chi += order[i] > 0 ? pow(order[i] - DRAWS / 24.0, 2) / (DRAWS / 24.0) : 0;
    }
    OK(orders == 24, "all 24 orders of the jitter occur, and no others");
    OK(chi < 60, "uniformly: chi squared %.1f of 23 degrees, below 60", chi);
}

static void test_colours(const char *name, double low, double high)
{
    static const char *const what[] = {"brightness", "contrast", "saturation", "hue"};
    struct augment recipe = everything(name);
    struct spread amount[AUGMENT_COLORS] = {{0}};
    recipe.chance[AUGMENT_JITTER] = 1;
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw d = draw(&recipe, i);
        for (int k = 0; k < AUGMENT_COLORS; k++)
            add(&amount[k], d.amount[k]);
    }
    for (int k = 0; k < AUGMENT_COLORS; k++) {
        char text[60];
        snprintf(text, sizeof text, "%s in %s", what[k], name);
        check_uniform(&amount[k],
            k == 0   ? low
            : k == 3 ? -0.2
                     : 0.2,
            k == 0   ? high
            : k == 3 ? 0.2
                     : 1.8,
            text);
    }
}

static void test_parameters(void)
{
    struct augment recipe = everything("simclr");
    struct spread sigma = {0}, degrees = {0}, deviation = {0};
    recipe.degrees = 30;
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw d = draw(&recipe, i);
        if (d.does[AUGMENT_BLUR])
            add(&sigma, d.sigma);
        if (d.does[AUGMENT_ROTATE])
            add(&degrees, d.degrees);
        if (d.does[AUGMENT_NOISE])
            add(&deviation, d.deviation);
    }
    check_uniform(&sigma, 0.1, 2, "the blur's deviation");
    check_uniform(&degrees, -30, 30, "the angle");
    check_uniform(&deviation, 0.01, 0.1, "the noise's deviation");

    int turns[5] = {0}, rotated = 0;
    recipe.degrees = 0;
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw d = draw(&recipe, i);
        const double quarter = d.degrees / 90;
        if (!d.does[AUGMENT_ROTATE])
            continue;
        rotated++;
        turns[quarter == 1 || quarter == 2 || quarter == 3 ? (int)quarter : 4]++;
    }
    check_share(turns[1], rotated, 1.0 / 3, "quarter turns");
    check_share(turns[2], rotated, 1.0 / 3, "half turns");
    check_share(turns[3], rotated, 1.0 / 3, "three quarters of a turn");
}

/* The hole is the part inside of a square of 48 pixels, the centre of which is at any pixel. */
static void test_holes(void)
{
    struct augment recipe = everything("none");
    struct spread left = {0}, top = {0};
    recipe.chance[AUGMENT_CUTOUT] = 1;
    recipe.hole_min = recipe.hole_max = 0.25;
    bool inside = true, square = true;
    for (int i = 0; i < DRAWS; i++) {
        const struct crop h = draw(&recipe, i).hole;
        inside &= h.x >= 0 && h.y >= 0 && h.x + h.w <= SIZE && h.y + h.h <= SIZE;
        square &= (h.w == 48 || h.x == 0 || h.x + h.w == SIZE) &&
                  (h.h == 48 || h.y == 0 || h.y + h.h == SIZE) && h.w >= 24 && h.h >= 24;
        add(&left, h.x > 0 ? h.x + 24 : h.w - 24);
        add(&top, h.y > 0 ? h.y + 24 : h.h - 24);
    }
    OK(inside && square, "holes lie inside, and are cut by borders only");
    const double variance = (SIZE * SIZE - 1) / 12.0;
    NEAR(left.sum / left.n, (SIZE - 1) / 2.0, 5 * sqrt(variance / DRAWS), "mean of their x");
    NEAR(top.sum / top.n, (SIZE - 1) / 2.0, 5 * sqrt(variance / DRAWS), "mean of their y");

    struct spread area = {0};
    recipe.size = 2000;
    recipe.hole_min = 0.02;
    recipe.hole_max = 0.2;
    for (int i = 0; i < DRAWS; i++) {
        const struct crop h = draw(&recipe, i).hole;
        if (h.w == h.h && h.x > 0 && h.y > 0) /* a whole one: more likely when it is small */
            add(&area, h.w * (double)h.h / (2000.0 * 2000));
    }
    /* A side s is whole with a chance of (1 - s)^2; the area a = s^2 is uniform. */
    double weight = 0, mean = 0, square_mean = 0;
    for (int i = 0; i < 100000; i++) {
        const double a = 0.02 + 0.18 * (i + 0.5) / 100000, w = pow(1 - sqrt(a), 2);
        weight += w;
        mean += w * a;
        square_mean += w * a * a;
    }
    mean /= weight;
    NEAR(area.sum / area.n, mean, 5 * sqrt((square_mean / weight - mean * mean) / area.n) + 1e-4,
        "mean of their area");
}

/* ---- crops ---------------------------------------------------------------------------------- */

/* RandomResizedCrop in a square picture: area uniform, logarithm of the aspect uniform, and both
 * drawn again until area * max(aspect, 1 / aspect) <= 1. The moments by a sum over both. */
static void test_area_crops(void)
{
    enum { SIDE = 3000, STEPS = 2000 };
    struct augment recipe = everything("torchvision");
    struct spread area = {0}, aspect = {0}, x = {0}, y = {0};
    recipe.chance[AUGMENT_CROP] = 1;
    for (int i = 0; i < DRAWS; i++) {
        const struct crop c = augment_draw(&recipe, 5, 0, i, 0, SIDE, SIDE).crop;
        add(&area, (double)c.w * c.h / ((double)SIDE * SIDE));
        add(&aspect, log((double)c.w / c.h));
        if (c.w < SIDE)
            add(&x, (double)c.x / (SIDE - c.w));
        if (c.h < SIDE)
            add(&y, (double)c.y / (SIDE - c.h));
    }
    const double limit = log(4.0 / 3);
    double weight = 0, sum[2] = {0}, square[2] = {0};
    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < STEPS; j++) {
            const double a = 0.08 + 0.92 * (i + 0.5) / STEPS;
            const double l = limit * (2 * (j + 0.5) / STEPS - 1);
            if (a * exp(fabs(l)) > 1)
                continue;
            weight++;
            sum[0] += a;
            square[0] += a * a;
            sum[1] += l;
            square[1] += l * l;
        }
    }
    const double mean = sum[0] / weight, variance = square[0] / weight - mean * mean;
    NEAR(area.sum / DRAWS, mean, 5 * sqrt(variance / DRAWS) + 1e-4, "torchvision: mean of areas");
    NEAR(area.square / DRAWS - pow(area.sum / DRAWS, 2), variance, 0.02 * variance,
        "variance of areas");
    NEAR(aspect.sum / DRAWS, 0, 5 * sqrt(square[1] / weight / DRAWS), "mean of log aspect");
    NEAR(aspect.square / DRAWS, square[1] / weight, 0.02 * square[1] / weight,
        "variance of log aspect");
    check_uniform(&x, 0, 1, "offsets to the right");
    check_uniform(&y, 0, 1, "offsets downwards");
    OK(x.most == 1 && x.least == 0, "the first and the last offset are drawn");
}

/* TensorFlow's sampler: the moments are tested with crop.h; here, that it is the one in use. */
static void test_side_crops(void)
{
    struct augment recipe = everything("simclr");
    struct spread side = {0};
    recipe.chance[AUGMENT_CROP] = 1;
    recipe.range = (struct crop_range){0.25, 1, 1, 1, 0.1};
    bool last = false;
    for (int i = 0; i < DRAWS; i++) {
        const struct crop c = augment_draw(&recipe, 5, 0, i, 0, 3000, 3000).crop;
        add(&side, c.h);
        last |= c.w < 3000 && c.x + c.w == 3000;
    }
    check_uniform(&side, 1500, 3001, "the side of crops of the reference");
    OK(!last, "the last offset is not drawn");
}

/* ---- keys ----------------------------------------------------------------------------------- */

static double uniform_of(const struct augment_draw *d)
{
    return d->amount[AUGMENT_BRIGHTNESS] - 1; /* mean 0 */
}

/* What neighbours in one part of the key draw has nothing to do with each other. */
static void test_independence(void)
{
    struct augment recipe = everything("simclr");
    recipe.chance[AUGMENT_JITTER] = 1;
    static const char *const what[] = {"seeds", "epochs", "pictures", "views", "colours"};
    double product[5] = {0};
    for (int i = 0; i < DRAWS; i++) {
        const struct augment_draw here = augment_draw(&recipe, 9, 4, i, 0, HEIGHT, WIDTH);
        const struct augment_draw other[] = {augment_draw(&recipe, 10, 4, i, 0, HEIGHT, WIDTH),
            augment_draw(&recipe, 9, 5, i, 0, HEIGHT, WIDTH),
            augment_draw(&recipe, 9, 4, i + 1, 0, HEIGHT, WIDTH),
            augment_draw(&recipe, 9, 4, i, 1, HEIGHT, WIDTH)};
        for (int k = 0; k < 4; k++)
            product[k] += uniform_of(&here) * uniform_of(&other[k]);
        product[4] += uniform_of(&here) * (here.amount[AUGMENT_CONTRAST] - 1);
    }
    const double variance = 1.6 * 1.6 / 12;
    for (int k = 0; k < 5; k++)
        NEAR(product[k] / DRAWS / variance, 0, 5 / sqrt(DRAWS), "correlation between %s", what[k]);
}

static bool same(const struct augment_draw *a, const struct augment_draw *b)
{
    return memcmp(&a->crop, &b->crop, sizeof a->crop) == 0 &&
           memcmp(a->does, b->does, sizeof a->does) == 0 &&
           memcmp(a->order, b->order, sizeof a->order) == 0 &&
           memcmp(a->amount, b->amount, sizeof a->amount) == 0 &&
           memcmp(&a->hole, &b->hole, sizeof a->hole) == 0 && a->degrees == b->degrees &&
           a->sigma == b->sigma && a->deviation == b->deviation;
}

static void test_keys(void)
{
    struct augment recipe = everything("simclr");
    recipe.chance[AUGMENT_JITTER] = 1;
    const struct augment_draw d = augment_draw(&recipe, 1, 2, 3, 0, 300, 300);
    const struct augment_draw again = augment_draw(&recipe, 1, 2, 3, 0, 300, 300);
    const struct augment_draw other[] = {augment_draw(&recipe, 2, 2, 3, 0, 300, 300),
        augment_draw(&recipe, 1, 3, 3, 0, 300, 300), augment_draw(&recipe, 1, 2, 4, 0, 300, 300),
        augment_draw(&recipe, 1, 2, 3, 1, 300, 300)};
    OK(same(&d, &again), "the same key draws the same");
    OK(!same(&d, &other[0]) && !same(&d, &other[1]) && !same(&d, &other[2]) && !same(&d, &other[3]),
        "seed, epoch, id and view each make a difference");
}

/* Each operation switched off in turn: nothing else changes. */
static void test_alone(void)
{
    const struct augment recipe = everything("simclr");
    for (int off = 0; off < AUGMENT_OPERATIONS; off++) {
        bool good = true;
        struct augment less = recipe;
        less.chance[off] = 0;
        for (int i = 0; i < 500; i++) {
            struct augment_draw a = draw(&recipe, i), b = draw(&less, i);
            good &= !b.does[off];
            for (int k = 0; k < AUGMENT_OPERATIONS; k++)
                good &= k == off || a.does[k] == b.does[k];
            good &= off == AUGMENT_CROP || memcmp(&a.crop, &b.crop, sizeof a.crop) == 0;
            good &= off == AUGMENT_JITTER || memcmp(a.amount, b.amount, sizeof a.amount) == 0;
            good &= off == AUGMENT_BLUR || a.sigma == b.sigma;
            good &= off == AUGMENT_ROTATE || a.degrees == b.degrees;
            good &= off == AUGMENT_CUTOUT || memcmp(&a.hole, &b.hole, sizeof a.hole) == 0;
            good &= off == AUGMENT_NOISE || memcmp(&a.grain, &b.grain, sizeof a.grain) == 0;
        }
        OK(good, "without %s, all else is drawn as with it",
            augment_name((enum augment_operation)off));
    }
}

static void test_asymmetric(void)
{
    const struct augment recipe = everything("simclr");
    for (int only = 0; only < AUGMENT_OPERATIONS; only++) {
        bool first = true, others = true;
        struct augment asymmetric = recipe, off = recipe;
        asymmetric.first = 1u << only;
        off.chance[only] = 0;
        for (int i = 0; i < 500; i++) {
            const int64_t view = i % 4;
            const struct augment_draw d = augment_draw(&asymmetric, 3, 0, i, view, HEIGHT, WIDTH);
            const struct augment_draw with = augment_draw(&recipe, 3, 0, i, view, HEIGHT, WIDTH);
            const struct augment_draw without = augment_draw(&off, 3, 0, i, view, HEIGHT, WIDTH);
            first &= view > 0 || same(&d, &with);
            others &= view == 0 || same(&d, &without);
        }
        OK(first && others, "%s for one view: view 0 as before, the others as without",
            augment_name((enum augment_operation)only));
    }
}

/* What was drawn must never change: runs go on from checkpoints, and results are repeated. */
static uint64_t digest_draws(int size)
{
    const struct augment recipe = augment_recipe(size);
    uint64_t digest = 14695981039346656037u; /* FNV-1a */
    for (int i = 0; i < 1000; i++) {
        const struct augment_draw d =
            augment_draw(&recipe, 7, i % 3, i, i % 2, 50 + i % 70, 60 + i % 31);
        const int whole[] = {d.crop.x, d.crop.y, d.crop.w, d.crop.h, d.does[AUGMENT_FLIP],
            d.does[AUGMENT_JITTER], d.does[AUGMENT_GREY], d.order[0], d.order[1], d.order[2],
            d.order[3]};
        unsigned char bytes[sizeof whole + sizeof d.amount + sizeof d.sigma];
        memcpy(bytes, whole, sizeof whole);
        memcpy(bytes + sizeof whole, d.amount, sizeof d.amount);
        memcpy(bytes + sizeof whole + sizeof d.amount, &d.sigma, sizeof d.sigma);
        for (size_t j = 0; j < sizeof bytes; j++)
            digest = (digest ^ bytes[j]) * 1099511628211u;
    }
    return digest;
}

int main(void)
{
    test_chances();
    test_orders();
    test_colours("simclr", 0.2, 1.8);
    test_colours("simclr-v1", -0.8, 0.8);
    test_colours("torchvision", 0.2, 1.8);
    test_parameters();
    test_holes();
    test_area_crops();
    test_side_crops();
    test_independence();
    test_keys();
    test_alone();
    test_asymmetric();
    OK(digest_draws(32) == 0x9b265bd42ce9ba9c, "at 32 pixels: the draws of version 0.1.0");
    OK(digest_draws(96) == 0xf545fad922ef55ed, "at 96 pixels: the draws of version 0.1.0");
    return tap_done();
}
