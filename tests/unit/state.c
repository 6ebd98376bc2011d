/* state -- checkpoints come back bit for bit, or are refused; older ones outlive a full disk.
 * SPDX-License-Identifier: MIT */
#include "lib/train/state.h"

#include "tests/unit/noise.h"
#include "tests/unit/tap.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], prefix[128];

/* ---- a tiny run ------------------------------------------------------------------------------ */

struct run {
    struct params params;
    struct optimizer *optimizer;
    json_t *arguments, *plan;
    struct state state;
};

static struct run run_of(int width, bool more)
{
    struct run run = {0};
    struct err err = {0};
    const struct optimizer_options options = {"adam", 0.9, 0.1, false};
    params_add(&run.params, "0.weight", PARAM_KERNEL, 2, (int64_t[]){width, 2}, &err);
    params_add(&run.params, "0.bn.weight", PARAM_GAMMA, 1, (int64_t[]){width}, &err);
    params_add(&run.params, "0.bn.running_var", PARAM_BUFFER, 1, (int64_t[]){width}, &err);
    if (more)
        params_add(&run.params, "1.weight", PARAM_KERNEL, 2, (int64_t[]){2, width}, &err);
    params_alloc(&run.params, &err);
    for (int i = 0; i < run.params.count; i++)
        for (size_t j = 0; j < run.params.param[i].count; j++)
            run.params.param[i].value[j] = (float)noise((uint32_t)i, (uint32_t)j);
    run.optimizer = optimizer_new(&options, &run.params, NULL, &err);
    run.arguments =
        json_pack("{s:s, s:f, s:i}", "optimizer", "adam", "learning-rate", 0.3, "seed", 7);
    run.plan = json_pack("{s:i, s:i}", "batch", 256, "steps", 1000);
    if (err.status != ERR_NONE)
        printf("# %s\n", err.text);
    return run;
}

static struct run run_new(int width)
{
    return run_of(width, false);
}

/* The state of a run; apart from run_new() because it points into it. */
static struct state *state_of(struct run *run)
{
    run->state = (struct state){
        prefix, "simclr-test", run->arguments, run->plan, "plain C", &run->params, run->optimizer};
    return &run->state;
}

static void run_free(struct run *run)
{
    optimizer_free(run->optimizer);
    params_free(&run->params);
    json_decref(run->arguments);
    json_decref(run->plan);
}

static void train(struct run *run, int from, int to)
{
    struct err err = {0};
    for (int step = from; step < to; step++) {
        for (int i = 0; i < run->params.count; i++) {
            const struct param *const param = &run->params.param[i];
            for (size_t j = 0; j < param->count && param->grad != NULL; j++)
                param->grad[j] = (float)noise((uint32_t)(100 + step), (uint32_t)j);
            if (param->kind == PARAM_BUFFER)
                param->value[0] += 0.1f;
        }
        if (optimizer_step(run->optimizer, 0.01, step, &err) != 0)
            printf("# %s\n", err.text);
    }
}

static bool same(struct run *a, struct run *b)
{
    int slots;
    const struct tensor *const s = optimizer_slots(a->optimizer, &slots);
    const struct tensor *const t = optimizer_slots(b->optimizer, &slots);
    for (int i = 0; i < a->params.count; i++)
        if (memcmp(a->params.param[i].value, b->params.param[i].value,
                a->params.param[i].count * sizeof(float)) != 0)
            return false;
    for (int i = 0; i < slots; i++)
        if (memcmp(s[i].data, t[i].data, s[i].bytes) != 0)
            return false;
    return true;
}

/* ---- files ----------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static char *read_file(const char *name, size_t *size)
{
    FILE *const file = fopen(path_of(name), "rb");
    char *const bytes = malloc(1 << 16);
    *size = file == NULL ? 0 : fread(bytes, 1, 1 << 16, file);
    if (file != NULL)
        fclose(file);
    return bytes;
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    FILE *const file = fopen(path_of(name), "wb");
    if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        printf("# cannot write %s\n", name);
}

static void remove_all(void)
{
    DIR *const dir = opendir(folder);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(path_of(entry->d_name));
    closedir(dir);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void round_trip(void)
{
    struct run whole = run_new(3), resumed = run_new(3);
    struct err err = {0};
    train(&whole, 0, 5);
    OK(state_save(state_of(&whole), 5, &err) == 0, "a state is saved %s", err.text);
    OK(exists("run-0000000005.safetensors"), "under a name with ten digits");
    OK(!same(&whole, &resumed), "a fresh run differs from it");
    OK(state_load(state_of(&resumed), 5, &err) == 0, "it is loaded %s", err.text);
    OK(same(&whole, &resumed), "weights, running statistics and slots are the same bits");
    train(&whole, 5, 9);
    train(&resumed, 5, 9);
    OK(same(&whole, &resumed), "and so they are after four more steps");

    struct safetensors doc;
    OK(safetensors_load(&doc, path_of("run-0000000005.safetensors"), 1 << 20, &err) == 0 &&
            strcmp(safetensors_metadata(&doc, "step"), "5") == 0 &&
            strcmp(safetensors_metadata(&doc, "tool"), "simclr-test") == 0 &&
            strcmp(safetensors_metadata(&doc, "plan"), "{\"batch\":256,\"steps\":1000}") == 0,
        "the metadata say what it is");
    safetensors_free(&doc);
    OK(state_load(state_of(&resumed), 6, &err) == -1 && err.status == ERR_MISUSE,
        "a step without a state is misuse");
    run_free(&whole);
    run_free(&resumed);
    remove_all();
}

static void keeps_two(void)
{
    static const char *const others[] = {"run-12.safetensors", "run-00000000001.safetensors",
        "run-0000000001.safetensors.bak", "run-000000000x.safetensors",
        "runs-0000000001.safetensors", "run-0000000001-0000000001.safetensors",
        "un-0000000001.safetensors"};
    struct run run = run_new(3);
    struct err err = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        write_file(others[i], "mine", 4);
    for (int step = 0; step <= 30; step += 10)
        OK(state_save(state_of(&run), step, &err) == 0, "a state at step %d", step);
    OK(!exists("run-0000000000.safetensors") && !exists("run-0000000010.safetensors"),
        "older states are removed");
    OK(exists("run-0000000020.safetensors") && exists("run-0000000030.safetensors"),
        "the newest two are kept");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        OK(exists(others[i]), "'%s' is nobody's state and stays", others[i]);
    OK(state_save(state_of(&run), 25, &err) == 0 && exists("run-0000000020.safetensors") &&
            exists("run-0000000025.safetensors") && exists("run-0000000030.safetensors"),
        "a run taken up further back removes no newer state");
    OK(state_save(state_of(&run), 30, &err) == 0 && !exists("run-0000000020.safetensors") &&
            exists("run-0000000025.safetensors"),
        "the state that is written again counts as the newest");
    run_free(&run);
    remove_all();
}

static void refused(struct run *run, const char *text, const char *what)
{
    struct err err = {0};
    const bool good = state_load(state_of(run), 4, &err) == -1 && err.status == ERR_MISUSE &&
                      strstr(err.text, text) != NULL;
    OK(good, "%s", what);
    if (!good)
        printf("# %d %s\n", (int)err.status, err.text);
}

static void other_runs(void)
{
    struct run run = run_new(3);
    struct err err = {0};
    state_save(state_of(&run), 4, &err);

    json_object_set_new(run.arguments, "learning-rate", json_real(0.5));
    refused(&run, "'learning-rate' of its arguments was 0.3", "another learning rate is named");
    refused(&run, ", now 0.5", "with both values");
    json_object_set_new(run.arguments, "learning-rate", json_real(0.3));
    json_object_set_new(run.arguments, "nesterov", json_true());
    refused(&run, "'nesterov' of its arguments was unset, now true", "an option that is new");
    json_object_del(run.arguments, "nesterov");
    json_object_del(run.arguments, "seed");
    refused(&run, "'seed' of its arguments was 7, now unset", "an option that is gone");
    json_object_set_new(run.arguments, "seed", json_integer(7));
    OK(state_load(state_of(&run), 4, &err) == 0, "the order of options does not matter");

    json_object_set_new(run.plan, "batch", json_integer(128));
    refused(&run, "'batch' of its plan was 256, now 128", "another plan");
    json_object_set_new(run.plan, "batch", json_integer(256));

    struct state other = *state_of(&run);
    other.kernels = "AVX-512";
    OK(state_load(&other, 4, &err) == -1 && err.status == ERR_MISUSE &&
            strstr(err.text, "kernels was 'plain C', now 'AVX-512'") != NULL,
        "other kernels");
    err = (struct err){0};
    other = *state_of(&run);
    other.tool = "simclr-other";
    OK(state_load(&other, 4, &err) == -1 && err.status == ERR_MISUSE &&
            strstr(err.text, "tool was 'simclr-test'") != NULL,
        "another tool");
    err = (struct err){0};
    other = *state_of(&run);
    other.plan = NULL;
    OK(state_load(&other, 4, &err) == -1 && err.status == ERR_MISUSE &&
            strstr(err.text, "'plan' was {") != NULL,
        "no plan where there was one");

    struct run wider = run_new(4);
    err = (struct err){0};
    OK(state_load(state_of(&wider), 4, &err) == -1 && err.status == ERR_INPUT &&
            strstr(err.text, "'0.weight'") != NULL,
        "tensors of another shape are named");
    run_free(&wider);
    run_free(&run);
    remove_all();
}

/* A state with numbers that are not finite never came from a run. */
static void not_finite(void)
{
    struct run run = run_new(3);
    struct err err = {0};
    run.params.param[2].value[1] = NAN;
    state_save(state_of(&run), 4, &err);
    OK(state_load(state_of(&run), 4, &err) == -1 && err.status == ERR_INPUT &&
            strstr(err.text, "'0.bn.running_var'") != NULL,
        "a number that is not finite is refused, its tensor named");
    run_free(&run);
    remove_all();
}

/* A state under the name of another step, and one with more tensors than the model. */
static void not_its_own(void)
{
    struct run run = run_new(3), larger = run_of(3, true);
    struct err err = {0}, renamed = {0}, more = {0}, less = {0};
    state_save(state_of(&run), 4, &err);
    size_t size;
    char *const bytes = read_file("run-0000000004.safetensors", &size);
    write_file("run-0000000006.safetensors", bytes, size);
    OK(state_load(state_of(&run), 6, &renamed) == -1 && renamed.status == ERR_INPUT,
        "a state under the name of another step is refused: %s", renamed.text);
    OK(state_load(state_of(&larger), 4, &less) == -1 && less.status == ERR_INPUT &&
            strstr(less.text, "lacks the tensor '1.weight'") != NULL,
        "a state that lacks a tensor");
    state_save(state_of(&larger), 4, &err);
    OK(state_load(state_of(&run), 4, &more) == -1 && more.status == ERR_INPUT,
        "a state with more tensors than the model: %s", more.text);
    OK(err.status == ERR_NONE, "all of them were saved");
    free(bytes);
    run_free(&run);
    run_free(&larger);
    remove_all();
}

static void damage(void)
{
    static const char name[] = "run-0000000004.safetensors";
    static const char flips[] = {0x01, 0x20, (char)0x80};
    struct run saved = run_new(3), loaded = run_new(3), fresh = run_new(3);
    struct err first = {0};
    size_t size;
    train(&saved, 0, 4);
    state_save(state_of(&saved), 4, &first);
    char *const bytes = read_file(name, &size);
    int wrong = 0, harmless = 0;
    for (size_t i = 0; i < size; i++) {
        for (size_t j = 0; j < sizeof flips; j++) {
            struct err err = {0};
            bytes[i] ^= flips[j];
            write_file(name, bytes, size);
            bytes[i] ^= flips[j];
            const int got = state_load(state_of(&loaded), 4, &err);
            const bool untouched = got == 0 ? same(&loaded, &saved) : same(&loaded, &fresh);
            if (!untouched || (got != 0 && err.status != ERR_INPUT && err.status != ERR_MISUSE))
                printf("# byte %zu ^ %d: %s\n", i, flips[j], err.text), wrong++;
            if (got == 0) {
                harmless++;
                run_free(&loaded);
                loaded = run_new(3);
            }
        }
    }
    OK(size > 500 && wrong == 0, "each flipped byte of %zu is refused or changes nothing (%d)",
        size, harmless);
    wrong = 0;
    for (size_t cut = 0; cut < size; cut++) {
        struct err err = {0};
        write_file(name, bytes, cut);
        if (state_load(state_of(&loaded), 4, &err) != -1 || err.status != ERR_INPUT)
            printf("# cut at %zu: %s\n", cut, err.text), wrong++;
    }
    OK(wrong == 0 && same(&loaded, &fresh), "each proper prefix is refused as damaged");
    char *const longer = calloc(size + 8, 1);
    memcpy(longer, bytes, size);
    struct err err = {0};
    write_file(name, longer, size + 8);
    OK(state_load(state_of(&loaded), 4, &err) == -1 && err.status == ERR_INPUT,
        "so is a longer file");
    free(longer);
    free(bytes);
    run_free(&saved);
    run_free(&loaded);
    run_free(&fresh);
    remove_all();
}

static void full_disk(void)
{
    struct run run = run_new(3), loaded = run_new(3);
    struct err err = {0};
    struct rlimit before, tight;
    state_save(state_of(&run), 4, &err);
    train(&run, 4, 5);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 700;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    const int again = state_save(state_of(&run), 4, &err);
    const enum err_status status = err.status;
    err = (struct err){0};
    const int next = state_save(state_of(&run), 5, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    OK(again == -1 && status == ERR_FAILED, "a full disk fails");
    OK(next == -1 && err.status == ERR_FAILED && strstr(err.text, strerror(EFBIG)) != NULL,
        "and says why: %s", err.text);
    OK(!exists("run-0000000005.safetensors") && !exists("run-0000000005.safetensors.part") &&
            !exists("run-0000000004.safetensors.part"),
        "leaves nothing half-written");
    err = (struct err){0};
    OK(state_load(state_of(&loaded), 4, &err) == 0 && !same(&run, &loaded),
        "and the older state is untouched");
    run_free(&run);
    run_free(&loaded);
    remove_all();
}

static void bad_names(void)
{
    struct run run = run_new(3);
    struct err err = {0}, late = {0}, away = {0};
    struct state state = *state_of(&run);
    OK(state_save(&state, INT64_C(10000000000), &late) == -1 && late.status == ERR_MISUSE,
        "a step of eleven digits has no name");
    state.prefix = "/nowhere/at/all/run";
    OK(state_save(&state, 1, &away) == -1 && away.status != ERR_NONE, "a folder that is missing");
    char longest[5000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    state.prefix = longest;
    OK(state_save(&state, 1, &err) == -1 && err.status == ERR_MISUSE, "a name that is too long");
    run_free(&run);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/simclr-state-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(prefix, sizeof prefix, "%s/run", folder);
    round_trip();
    keeps_two();
    other_runs();
    not_finite();
    not_its_own();
    damage();
    full_disk();
    bad_names();
    rmdir(folder);
    return tap_done();
}
