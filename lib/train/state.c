/* state -- checkpoints: everything a training stage needs to go on as if nothing had happened.
 * SPDX-License-Identifier: MIT */
#include "lib/train/state.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION "1"
#define SUFFIX  ".safetensors"

enum { DIGITS = 10, BELIEVED = 60 }; /* bytes of a foreign value that a message shows */

static const int64_t LAST = 9999999999; /* what ten digits hold */

static int file_name(char path[PATH_MAX], const struct state *state, int64_t step, struct err *err)
{
    if (step < 0 || step > LAST)
        return err_set(err, ERR_MISUSE, "step %" PRId64 " does not fit a state's name", step);
    const int length =
        snprintf(path, PATH_MAX, "%s-%0*" PRId64 SUFFIX, state->prefix, DIGITS, step);
    if (length >= PATH_MAX)
        return err_set(err, ERR_MISUSE, "name of state is too long: '%.60s...'", state->prefix);
    return 0;
}

/* Parameters, then slots, as one array that the caller frees; NULL on failure. */
static struct tensor *all_tensors(const struct state *state, int *count, struct err *err)
{
    int slots;
    const struct tensor *const slot = optimizer_slots(state->optimizer, &slots);
    struct tensor *const tensor = weights_tensors(state->params, err);
    if (tensor == NULL)
        return NULL;
    *count = state->params->count + slots;
    struct tensor *const all = realloc(tensor, (size_t)*count * sizeof *all);
    if (all == NULL) {
        free(tensor);
        err_memory(err, "the state");
        return NULL;
    }
    memcpy(all + state->params->count, slot, (size_t)slots * sizeof *all);
    return all;
}

/* ---- saving ---------------------------------------------------------------------------------- */

/* A value as text under a key; 0, or -1 when memory is short. NULL is written as JSON's null. */
static int set_json(json_t *metadata, const char *key, const json_t *value)
{
    char *const text =
        value == NULL ? strdup("null") : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    const int failed = text == NULL ? -1 : json_object_set_new(metadata, key, json_string(text));
    free(text);
    return failed;
}

static json_t *describe(const struct state *state, int64_t step, const char *digest)
{
    json_t *const out = json_object();
    char number[24];
    snprintf(number, sizeof number, "%" PRId64, step);
    if (json_object_set_new(out, "state", json_string(VERSION)) != 0 ||
        json_object_set_new(out, "step", json_string(number)) != 0 ||
        json_object_set_new(out, "tool", json_string(state->tool)) != 0 ||
        json_object_set_new(out, "kernels", json_string(state->kernels)) != 0 ||
        json_object_set_new(out, "digest", json_string(digest)) != 0 ||
        set_json(out, "arguments", state->arguments) != 0 ||
        set_json(out, "plan", state->plan) != 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

/* The step in a file name BASE-STEP.safetensors, or -1 when it is another name. */
static int64_t step_of(const char *name, const char *base)
{
    const size_t length = strlen(base);
    int64_t step = 0;
    if (strncmp(name, base, length) != 0 || name[length] != '-')
        return -1;
    const char *const digit = name + length + 1;
    for (int i = 0; i < DIGITS; i++) {
        if (digit[i] < '0' || digit[i] > '9')
            return -1;
        step = step * 10 + (digit[i] - '0');
    }
    return strcmp(digit + DIGITS, SUFFIX) == 0 ? step : -1;
}

/* Go through the folder: remove the states before step `before`, and find in *newest the newest of
 * those that stay and are older than `step` (-1: none). */
static int sweep(
    const struct state *state, int64_t before, int64_t step, int64_t *newest, struct err *err)
{
    const char *const slash = strrchr(state->prefix, '/');
    const char *const base = slash == NULL ? state->prefix : slash + 1;
    char folder[PATH_MAX], path[PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(base - state->prefix),
        slash == NULL ? "." : state->prefix);
    DIR *const dir = opendir(folder);
    if (dir == NULL)
        return err_errno(err, "cannot open '%s'", folder);
    int failed = 0;
    *newest = -1;
    errno = 0;
    for (const struct dirent *entry; failed == 0 && (entry = readdir(dir)) != NULL; errno = 0) {
        const int64_t found = step_of(entry->d_name, base);
        if (found < 0 || found >= step)
            continue;
        if (found >= before)
            *newest = found > *newest ? found : *newest;
        else if ((failed = file_name(path, state, found, err)) == 0 && unlink(path) != 0 &&
                 errno != ENOENT)
            failed = err_errno(err, "cannot remove '%s'", path);
    }
    if (failed == 0 && errno != 0)
        failed = err_errno(err, "cannot read '%s'", folder);
    closedir(dir);
    return failed;
}

int state_save(const struct state *state, int64_t step, struct err *err)
{
    char path[PATH_MAX], digest[65];
    int count;
    if (file_name(path, state, step, err) != 0)
        return -1;
    struct tensor *const tensor = all_tensors(state, &count, err);
    if (tensor == NULL)
        return -1;
    safetensors_digest(digest, count, tensor);
    json_t *const metadata = describe(state, step, digest);
    int failed = metadata == NULL ? err_memory(err, "the state")
                                  : safetensors_save(path, metadata, count, tensor, err);
    json_decref(metadata);
    free(tensor);
    if (failed != 0)
        return -1;
    /* A state of a later step (of a run that was taken up again further back) is left alone. */
    int64_t previous, ignored;
    if (sweep(state, 0, step, &previous, err) != 0)
        return -1;
    return previous > 0 ? sweep(state, previous, step, &ignored, err) : 0;
}

/* ---- loading --------------------------------------------------------------------------------- */

static int damaged(const char *path, struct err *err, const char *what)
{
    return err_set(err, ERR_INPUT, "'%s' is damaged: %s", path, what);
}

/* Refuse a state of another run: `what` was one thing when it was saved and is another now. */
static int other_run(
    const char *path, struct err *err, const char *what, const char *then, const char *now)
{
    err_set(err, ERR_MISUSE, "'%s' belongs to another run: %s was %.*s, now %.*s", path, what,
        BELIEVED, then, BELIEVED, now);
    return err_hint(err, "give the options it was made with, or begin a new run");
}

/* A value for a message, with as many digits as people type. */
static char *shown(const json_t *value)
{
    return value == NULL
               ? strdup("unset")
               : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

static int other_value(const char *path, struct err *err, const char *what, const char *key,
    const json_t *then, const json_t *now)
{
    char name[2 * BELIEVED];
    char *const a = shown(then), *const b = shown(now);
    if (key == NULL)
        snprintf(name, sizeof name, "'%s'", what);
    else
        snprintf(name, sizeof name, "'%.*s' of its %s", BELIEVED, key, what);
    const int out =
        a == NULL || b == NULL ? err_memory(err, "a message") : other_run(path, err, name, a, b);
    free(a);
    free(b);
    return out;
}

/* The JSON value in `then` must be `now`. Objects are compared key by key, to name the first that
 * differs; their order does not matter. */
static int same_json(
    const char *path, struct err *err, const char *what, const json_t *then, const json_t *now)
{
    const char *key;
    json_t *value;
    if (json_equal(then, now))
        return 0;
    if (!json_is_object(then) || !json_is_object(now))
        return other_value(path, err, what, NULL, then, now);
    json_object_foreach((json_t *)now, key, value)
    {
        if (!json_equal(json_object_get(then, key), value))
            return other_value(path, err, what, key, json_object_get(then, key), value);
    }
    json_object_foreach((json_t *)then, key, value)
    {
        if (json_object_get(now, key) == NULL)
            return other_value(path, err, what, key, value, NULL);
    }
    return 0;
}

/* The value under `key` must be the text `now`. */
static int same_text(const struct safetensors *doc, const char *path, const char *key,
    const char *now, struct err *err)
{
    const char *const then = safetensors_metadata(doc, key);
    char quoted[2][BELIEVED + 3];
    if (then == NULL)
        return damaged(path, err, "its metadata are incomplete");
    if (strcmp(then, now) == 0)
        return 0;
    snprintf(quoted[0], sizeof quoted[0], "'%.*s'", BELIEVED - 2, then);
    snprintf(quoted[1], sizeof quoted[1], "'%.*s'", BELIEVED - 2, now);
    return other_run(path, err, key, quoted[0], quoted[1]);
}

/* The JSON under `key` must be `now`. */
static int same_value(const struct safetensors *doc, const char *path, const char *key,
    const json_t *now, struct err *err)
{
    const char *const text = safetensors_metadata(doc, key);
    json_t *const null = json_null();
    json_t *const then =
        text == NULL ? NULL : json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    const int out = then == NULL ? damaged(path, err, "its metadata are incomplete")
                                 : same_json(path, err, key, then, now == NULL ? null : now);
    json_decref(then);
    json_decref(null);
    return out;
}

/* All numbers of a tensor are finite; its data need not be aligned. */
static bool finite(const struct tensor *tensor)
{
    const unsigned char *const data = tensor->data;
    for (size_t i = 0; i < tensor->bytes; i += sizeof(uint32_t)) {
        uint32_t bits;
        memcpy(&bits, data + i, sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000)
            return false;
    }
    return true;
}

/* The document has exactly the tensors wanted, and they are as they were written. */
static int check_tensors(const struct safetensors *doc, const char *path, int count,
    const struct tensor *wanted, struct err *err)
{
    const char *const digest = safetensors_metadata(doc, "digest");
    char found[65];
    safetensors_digest(found, doc->count, doc->tensor);
    if (digest == NULL || strcmp(digest, found) != 0)
        return damaged(path, err, "its tensors are not those of its digest");
    for (int i = 0; i < count; i++) {
        const struct tensor *const want = &wanted[i];
        const struct tensor *const have = safetensors_find(doc, want->name);
        if (have == NULL)
            return err_set(err, ERR_INPUT, "'%s' lacks the tensor '%s'", path, want->name);
        if (have->dtype != want->dtype || have->rank != want->rank || have->bytes != want->bytes ||
            memcmp(have->shape, want->shape, (size_t)want->rank * sizeof *want->shape) != 0)
            return err_set(err, ERR_INPUT,
                "'%s': the tensor '%s' has another shape than the model's", path, want->name);
        if (!finite(have))
            return err_set(err, ERR_INPUT,
                "'%s': the tensor '%s' holds a number that is not finite", path, want->name);
    }
    if (doc->count != count)
        return err_set(err, ERR_INPUT, "'%s' has %d tensors, not %d", path, doc->count, count);
    return 0;
}

/* Everything that can be wrong with a parsed state, before anything is taken from it: damage of the
 * file itself, then a run that is not this one, then tensors that do not fit. */
static int check(const struct state *state, const struct safetensors *doc, const char *path,
    int64_t step, int count, const struct tensor *wanted, struct err *err)
{
    char number[24];
    const char *const version = safetensors_metadata(doc, "state");
    const char *const saved = safetensors_metadata(doc, "step");
    snprintf(number, sizeof number, "%" PRId64, step);
    if (version == NULL)
        return err_set(err, ERR_INPUT, "'%s' is not a state", path);
    if (strcmp(version, VERSION) != 0)
        return err_set(err, ERR_INPUT,
            "'%s' is a state of version '%.20s'; this tool reads " VERSION, path, version);
    if (saved == NULL || strcmp(saved, number) != 0)
        return damaged(path, err, "its step is not that of its name");
    if (same_text(doc, path, "tool", state->tool, err) != 0 ||
        same_value(doc, path, "arguments", state->arguments, err) != 0 ||
        same_value(doc, path, "plan", state->plan, err) != 0 ||
        same_text(doc, path, "kernels", state->kernels, err) != 0)
        return -1;
    return check_tensors(doc, path, count, wanted, err);
}

int state_load(const struct state *state, int64_t step, struct err *err)
{
    char path[PATH_MAX];
    struct safetensors doc;
    int count;
    if (file_name(path, state, step, err) != 0)
        return -1;
    struct tensor *const wanted = all_tensors(state, &count, err);
    if (wanted == NULL)
        return -1;
    size_t limit = sizeof(uint64_t) + SAFETENSORS_HEADER;
    for (int i = 0; i < count; i++)
        limit += wanted[i].bytes;
    int failed = safetensors_load(&doc, path, limit, err);
    if (failed == 0) {
        failed = check(state, &doc, path, step, count, wanted, err);
        for (int i = 0; failed == 0 && i < count; i++)
            memcpy(wanted[i].data, safetensors_find(&doc, wanted[i].name)->data, wanted[i].bytes);
        safetensors_free(&doc);
    }
    free(wanted);
    return failed;
}
