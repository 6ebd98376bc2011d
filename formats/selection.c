/* selection -- some pictures of each class, the same ones for the same seed.
 * SPDX-License-Identifier: MIT */
#include "formats/selection.h"

#include "lib/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    int64_t id;
    int label;
};

static int by_label(const void *a, const void *b)
{
    const struct entry *const x = a, *const y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int by_id(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t share(const struct selection_rules *rules, int64_t members)
{
    if (rules->fraction > 0) {
        const int64_t n = llround(rules->fraction * (double)members);
        return n < 1 ? 1 : n > members ? members : n;
    }
    return rules->per_class < members ? rules->per_class : members;
}

/* Of each class keep those that a permutation of its members puts first: so choices are nested. */
static void choose(struct selection *out, const struct selection_rules *rules,
    const struct entry *entry, int64_t total)
{
    for (int64_t first = 0, end; first < total; first = end) {
        for (end = first; end < total && entry[end].label == entry[first].label;)
            end++;
        const int64_t members = end - first, wanted = share(rules, members);
        for (int64_t i = 0; i < members; i++)
            if (entry[first + i].id % out->shards == out->shard &&
                rng_permute(rules->seed, entry[first].label, "select", members, i) < wanted)
                out->id[out->count++] = entry[first + i].id;
    }
    qsort(out->id, (size_t)out->count, sizeof *out->id, by_id);
}

int selection_make(struct selection *out, const struct selection_rules *rules, int64_t total,
    int (*label)(const void *context, int64_t id), const void *context, struct err *err)
{
    const int64_t shards = rules->shards > 0 ? rules->shards : 1;
    *out = (struct selection){.shard = rules->shard, .shards = shards};
    if (rules->fraction <= 0 && rules->per_class <= 0) {
        out->count = total / shards + (total % shards > rules->shard);
        return 0;
    }
    struct entry *const entry = calloc((size_t)total + 1, sizeof *entry);
    out->id = calloc((size_t)total + 1, sizeof *out->id);
    if (entry == NULL || out->id == NULL) {
        free(entry);
        selection_free(out);
        return err_memory(err, "the choice of pictures");
    }
    for (int64_t id = 0; id < total; id++)
        entry[id] = (struct entry){id, label(context, id)};
    qsort(entry, (size_t)total, sizeof *entry, by_label);
    choose(out, rules, entry, total);
    free(entry);
    int64_t *const less = realloc(out->id, ((size_t)out->count + 1) * sizeof *less);
    if (less != NULL)
        out->id = less;
    return 0;
}

int64_t selection_id(const struct selection *selection, int64_t i)
{
    return selection->id != NULL ? selection->id[i] : selection->shard + i * selection->shards;
}

void selection_free(struct selection *selection)
{
    free(selection->id);
    memset(selection, 0, sizeof *selection);
}
