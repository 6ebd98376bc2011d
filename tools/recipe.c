/* recipe -- the options of simclr-augment that say how a view is made, and what they come to.
 * SPDX-License-Identifier: MIT */
#include "tools/recipe.h"

#include "tools/die.h"

#include <math.h>
#include <string.h>

struct recipe_options recipe = {
    .name = "simclr",
    .strength = NAN,
    .views = "2",
    .small.range = {.area_min = 0.05, .area_max = 0.14},
};

enum { VIEWS = 1000 /* at most */ };
enum { TINY = 1, USUAL = 224 /* sizes on both sides of where recipes change */ };

/* ---- options of the recipe ------------------------------------------------------------------ */

static struct augment named(int size)
{
    struct augment augment;
    if (!augment_named(&augment, recipe.name, size))
        die(ERR_MISUSE, "there is no recipe '%s'", recipe.name);
    return augment;
}

/* Where the variable of an option lies in recipe.augment; NULL when it is another's. */
static double *field(const struct cli_option *option, struct augment *augment)
{
    const uintptr_t at = (uintptr_t)option->variable - (uintptr_t)&recipe.augment;
    void *const start = augment; /* every option of the recipe is a double */
    return at < sizeof *augment ? (double *)start + at / sizeof(double) : NULL;
}

void recipe_start(const struct cli_tool *tool)
{
    struct augment tiny = named(TINY), usual = named(USUAL);
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (field(o, &usual) != NULL)
            *(double *)o->variable =
                *field(o, &tiny) == *field(o, &usual) ? *field(o, &usual) : NAN;
}

/* ---- contradictions ------------------------------------------------------------------------- */

/* The operation that an option belongs to: "cutout-area-min" is of "cutout". */
static int operation_of(const char *option)
{
    static const char *const jitter[] = {
        "strength", "brightness", "contrast", "saturation", "hue", NULL};
    for (int i = 0; jitter[i] != NULL; i++)
        if (strcmp(option, jitter[i]) == 0)
            return AUGMENT_JITTER;
    for (int i = 0; i < AUGMENT_OPERATIONS; i++) {
        const size_t length = strlen(augment_name(i));
        if (strncmp(option, augment_name(i), length) == 0 && option[length] == '-')
            return i;
    }
    return -1;
}

/* Neither recipe nor option switches it on, for views of this size. */
static bool is_off(const struct cli_tool *tool, int operation, int size)
{
    return !cli_given(tool, augment_name(operation)) && named(size).chance[operation] <= 0;
}

/* What belongs to an operation has no meaning without it. */
static void check_needs(const struct cli_tool *tool, int size)
{
    for (const struct cli_option *o = tool->options; o->name != NULL; o++) {
        const int operation = operation_of(o->name);
        if (o->given && operation >= 0 && is_off(tool, operation, size))
            die(ERR_MISUSE, "--%s needs --%s", o->name, augment_name(operation));
    }
    for (int i = 0; i < AUGMENT_OPERATIONS; i++)
        if ((recipe.augment.first >> i & 1) && is_off(tool, i, size))
            die(ERR_MISUSE, "--asymmetric %s needs --%s", augment_name(i), augment_name(i));
}

static void check_order(const char *low, double least, const char *high, double most)
{
    if (least > most)
        die(ERR_MISUSE, "--%s %.6g is more than --%s %.6g", low, least, high, most);
}

static void check_ranges(void)
{
    const struct augment *const a = &recipe.augment;
    check_order("crop-area-min", a->range.area_min, "crop-area-max", a->range.area_max);
    check_order("crop-aspect-min", a->range.aspect_min, "crop-aspect-max", a->range.aspect_max);
    check_order("blur-sigma-min", a->sigma_min, "blur-sigma-max", a->sigma_max);
    check_order("noise-sigma-min", a->noise_min, "noise-sigma-max", a->noise_max);
    check_order("cutout-area-min", a->hole_min, "cutout-area-max", a->hole_max);
    check_order("small-area-min", recipe.small.range.area_min, "small-area-max",
        recipe.small.range.area_max);
}

/* A number at the start of a text, 0 if there is none in range; the rest of the text. */
static int parse_number(const char **text)
{
    int number = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        number = number > VIEWS ? number : 10 * number + (**text - '0');
    return number <= VIEWS ? number : 0;
}

/* "2", or "2+6": views of the size, and further ones of the small size. */
static void parse_views(const struct cli_tool *tool)
{
    const char *rest = recipe.views;
    recipe.large = parse_number(&rest);
    const bool two = *rest == '+';
    rest += two;
    recipe.more = two ? parse_number(&rest) : 0;
    if (*rest != '\0' || recipe.large == 0 || two != (recipe.more > 0) ||
        recipe.large + recipe.more > VIEWS)
        die(ERR_MISUSE, "--views takes a number from 1 to %d, or two such as 2+6, not '%s'", VIEWS,
            recipe.views);
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (strncmp(o->name, "small-", 6) == 0 && o->given && !two)
            die(ERR_MISUSE, "--%s needs views of two sizes, such as --views 2+6", o->name);
}

static _Noreturn void refuse_operation(const char *name, size_t length)
{
    char list[200] = "";
    for (int i = 0; i < AUGMENT_OPERATIONS; i++) {
        strcat(list, i > 0 ? ", " : "");
        strcat(list, augment_name(i));
    }
    die(ERR_MISUSE, "--asymmetric takes some of %s, not '%.*s'", list, (int)length, name);
}

/* "blur,jitter": the operations that only view 0 gets. */
static void parse_asymmetric(void)
{
    recipe.augment.first = 0;
    for (const char *name = recipe.asymmetric; name != NULL;) {
        const size_t length = strcspn(name, ",");
        int i = 0;
        while (i < AUGMENT_OPERATIONS &&
               (strlen(augment_name(i)) != length || strncmp(augment_name(i), name, length) != 0))
            i++;
        if (i == AUGMENT_OPERATIONS)
            refuse_operation(name, length);
        recipe.augment.first |= 1u << i;
        name = name[length] == ',' ? name + length + 1 : NULL;
    }
}

/* The test-time recipe draws nothing: no option of a random one. */
static void check_eval(const struct cli_tool *tool)
{
    if (cli_given(tool, "views") && recipe.large + recipe.more != 1)
        die(ERR_MISUSE, "--recipe eval makes 1 view, not --views %s", recipe.views);
    recipe.views = "1";
    recipe.large = 1;
    for (const struct cli_option *o = tool->options; o->name != NULL; o++) {
        const bool random = field(o, &recipe.augment) != NULL || o->variable == &recipe.strength ||
                            o->variable == &recipe.asymmetric;
        if (random && o->given && o->variable != &recipe.augment.share)
            die(ERR_MISUSE, "--%s has no meaning with --recipe eval", o->name);
    }
}

void recipe_check(const struct cli_tool *tool, int size)
{
    parse_views(tool);
    if (named(USUAL).central)
        check_eval(tool);
    else if (cli_given(tool, "central"))
        die(ERR_MISUSE, "--central needs --recipe eval");
    if (named(USUAL).family == AUGMENT_TORCHVISION && cli_given(tool, "crop-covered"))
        die(ERR_MISUSE, "--crop-covered has no meaning with --recipe %s", recipe.name);
    if (recipe.asymmetric != NULL && recipe.large + recipe.more == 1)
        die(ERR_MISUSE, "--asymmetric needs more than 1 view");
    check_ranges();
    parse_asymmetric();
    check_needs(tool, size > 0 ? size : USUAL);
}

/* ---- when the size is known ------------------------------------------------------------------- */

void recipe_settle(const struct cli_tool *tool, int size)
{
    struct augment usual = named(size);
    check_needs(tool, size);
    if (!cli_given(tool, "strength"))
        recipe.strength = usual.strength[AUGMENT_HUE] / 0.2;
    augment_strength(&usual, recipe.strength);
    for (const struct cli_option *o = tool->options; o->name != NULL; o++)
        if (field(o, &usual) != NULL && !o->given)
            *(double *)o->variable = *field(o, &usual);
    recipe.augment.size = size;
    recipe.augment.family = usual.family;
    recipe.augment.central = usual.central;
    if (!cli_given(tool, "small-size"))
        recipe.small_size = (size + 1) / 2;
    const struct crop_range areas = recipe.small.range;
    recipe.small = recipe.augment;
    recipe.small.size = (int)recipe.small_size;
    recipe.small.range.area_min = areas.area_min;
    recipe.small.range.area_max = areas.area_max;
    recipe.small.range.covered = 0;
}
