/* webdataset -- members become samples, samples become pictures.
 * SPDX-License-Identifier: MIT */
#include "formats/webdataset.h"

#include "formats/folder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LABEL = 256, CLS = 4096 };

struct held {
    size_t name, from; /* where they begin in `names` and `data` */
    int64_t at, size;
    bool whole; /* its whole extension is that of a picture */
};

struct webdataset {
    struct tar *tar;
    const char *name;
    bool bytes;
    struct tar_member member;
    bool waiting; /* `member` was read and belongs to no sample yet */
    bool ended, labelled;
    int64_t ignored;
    /* the sample */
    struct bytes key, names, data, cls, json;
    bool begun, has_cls, has_json, whole;
    int pictures, next;
    int64_t held_bytes;
    struct held held[WEBDATASET_PICTURES];
    char label[LABEL]; /* "": none */
};

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_picture(const char *extension)
{
    static const char *const known[] = {"jpg", "jpeg", "png", "ppm", "pgm", "pnm"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcasecmp(extension, known[i]) == 0)
            return true;
    return false;
}

/* Does a component begin with a dot, and is not "." or ".."? */
static bool is_hidden(const char *name)
{
    for (const char *part = name; *part != '\0';) {
        const size_t length = strcspn(part, "/");
        if (part[0] == '.' && length > 1 && !(length == 2 && part[1] == '.'))
            return true;
        part += length + (part[length] == '/');
    }
    return false;
}

/* Length of the key; what is behind its dot is *extension, "" if there is none. */
static size_t split(const char *name, const char **extension)
{
    const char *const slash = strrchr(name, '/');
    const char *const base = slash == NULL ? name : slash + 1;
    const size_t own = strcspn(base, ".");
    *extension = base[own] == '.' ? base + own + 1 : "";
    return (size_t)(base - name) + own;
}

static const char *last_extension(const char *extension)
{
    const char *const dot = strrchr(extension, '.');
    return dot == NULL ? extension : dot + 1;
}

/* ---- members -------------------------------------------------------------------------------- */

static int copy(struct bytes *to, const char *from, size_t size, struct err *err)
{
    unsigned char *const room = bytes_room(to, size + 1, err);
    if (room == NULL)
        return -1;
    memcpy(room, from, size);
    room[size] = '\0';
    to->size += size + 1;
    return 0;
}

static int hold_picture(struct webdataset *set, bool whole, struct err *err)
{
    const struct tar_member *const m = &set->member;
    set->held[set->pictures] =
        (struct held){set->names.size, set->data.size, m->at, m->size, whole};
    if (copy(&set->names, m->name, strlen(m->name), err) < 0 ||
        (set->bytes && tar_read(set->tar, &set->data, err) < 0))
        return -1;
    set->held_bytes += m->size;
    set->whole |= whole;
    set->pictures++;
    return 0;
}

static int read_text(struct webdataset *set, struct bytes *to, bool *has, struct err *err)
{
    to->size = 0;
    *has = true;
    return tar_read(set->tar, to, err);
}

/* Take the waiting member into the sample. 1: taken; 0: the sample is full; -1. */
static int take(struct webdataset *set, const char *extension, struct err *err)
{
    const struct tar_member *const m = &set->member;
    const bool whole = is_picture(extension);
    if (whole || is_picture(last_extension(extension))) {
        if (m->size == 0 || m->size > FOLDER_FILE) {
            set->ignored++;
            return 1;
        }
        if (set->pictures == WEBDATASET_PICTURES ||
            (set->pictures > 0 && set->held_bytes + m->size > WEBDATASET_HELD))
            return 0;
        return hold_picture(set, whole, err) < 0 ? -1 : 1;
    }
    if (strcasecmp(extension, "cls") == 0) {
        if (m->size > CLS)
            return err_set(err, ERR_INPUT, "'%s' in '%s' is no label", m->name, set->name);
        return read_text(set, &set->cls, &set->has_cls, err) < 0 ? -1 : 1;
    }
    if (strcasecmp(extension, "json") == 0 && m->size <= WEBDATASET_JSON)
        return read_text(set, &set->json, &set->has_json, err) < 0 ? -1 : 1;
    set->ignored++;
    return 1;
}

/* ---- labels --------------------------------------------------------------------------------- */

static bool set_label(struct webdataset *set, const char *text, size_t length)
{
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL && text[length - 1] != '\0')
        length--;
    while (length > 0 && strchr(" \t\r\n", *text) != NULL && *text != '\0')
        text++, length--;
    if (length >= LABEL)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    memcpy(set->label, text, length);
    set->label[length] = '\0';
    return true;
}

static bool label_of_json(struct webdataset *set, const json_t *json)
{
    static const char *const keys[] = {"label", "cls", "class"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *const value = json_object_get(json, keys[i]);
        if (json_is_string(value))
            return set_label(set, json_string_value(value), json_string_length(value));
        if (json_is_integer(value)) {
            snprintf(set->label, LABEL, "%lld", (long long)json_integer_value(value));
            return true;
        }
    }
    return true;
}

static int find_label(struct webdataset *set, struct err *err)
{
    const int key = (int)set->key.size;
    const char *const text = (const char *)set->key.data;
    set->label[0] = '\0';
    set->labelled |= set->has_cls || set->has_json;
    if (set->has_cls)
        return set_label(set, (char *)set->cls.data, set->cls.size)
                   ? 0
                   : err_set(
                         err, ERR_INPUT, "'%.*s.cls' in '%s' is no label", key, text, set->name);
    if (!set->has_json)
        return 0;
    json_error_t why;
    json_t *const json = json_loadb((char *)set->json.data, set->json.size, JSON_DECODE_ANY, &why);
    const bool good = json != NULL && label_of_json(set, json);
    const bool memory = json == NULL && json_error_code(&why) == json_error_out_of_memory;
    json_decref(json);
    if (memory)
        return err_memory(err, "a label");
    return good ? 0
                : err_set(err, ERR_INPUT, "'%.*s.json' in '%s' is %s", key, text, set->name,
                      json == NULL ? "no JSON" : "no label");
}

/* ---- samples -------------------------------------------------------------------------------- */

static int begin(struct webdataset *set, size_t key, struct err *err)
{
    set->begun = true;
    set->key.size = 0;
    unsigned char *const room = bytes_room(&set->key, key, err);
    if (room == NULL)
        return -1;
    memcpy(room, set->member.name, key);
    set->key.size = key;
    return 0;
}

/* One sample, up to the member that is of the next. */
static int gather(struct webdataset *set, struct err *err)
{
    set->names.size = set->data.size = 0;
    set->pictures = set->next = 0;
    set->held_bytes = 0;
    set->begun = set->has_cls = set->has_json = set->whole = false;
    for (;;) {
        const char *extension;
        if (!set->waiting) {
            const int got = tar_next(set->tar, &set->member, err);
            if (got < 0)
                return -1;
            set->ended = got == 0;
            if (set->ended)
                break;
            set->waiting = true;
        }
        if (!is_hidden(set->member.name)) {
            const size_t key = split(set->member.name, &extension);
            if (!set->begun && begin(set, key, err) < 0)
                return -1;
            if (key != set->key.size || memcmp(set->member.name, set->key.data, key) != 0)
                break;
            const int taken = take(set, extension, err);
            if (taken < 0)
                return -1;
            if (taken == 0)
                break;
        }
        set->waiting = false;
    }
    return set->pictures > 0 ? find_label(set, err) : 0;
}

/* ---- interface ------------------------------------------------------------------------------ */

struct webdataset *webdataset_new(struct tar *tar, const char *name, bool bytes, struct err *err)
{
    struct webdataset *const set = calloc(1, sizeof *set);
    if (set == NULL) {
        err_memory(err, "an archive");
        return NULL;
    }
    set->tar = tar;
    set->name = name;
    set->bytes = bytes;
    return set;
}

void webdataset_free(struct webdataset *set)
{
    if (set == NULL)
        return;
    bytes_free(&set->key);
    bytes_free(&set->names);
    bytes_free(&set->data);
    bytes_free(&set->cls);
    bytes_free(&set->json);
    free(set);
}

int webdataset_next(struct webdataset *set, struct webdataset_picture *out, struct err *err)
{
    for (;;) {
        while (set->next < set->pictures) {
            const struct held *const h = &set->held[set->next++];
            if (set->whole && !h->whole) {
                set->ignored++;
                continue;
            }
            *out = (struct webdataset_picture){(char *)set->names.data + h->name,
                set->label[0] == '\0' ? NULL : set->label, h->at, h->size,
                set->bytes ? set->data.data + h->from : NULL};
            return 1;
        }
        if (set->ended)
            return 0;
        if (gather(set, err) < 0)
            return -1;
    }
}

bool webdataset_labelled(const struct webdataset *set)
{
    return set->labelled;
}

int64_t webdataset_ignored(const struct webdataset *set)
{
    return set->ignored + tar_others(set->tar);
}
