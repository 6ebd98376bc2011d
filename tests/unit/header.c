/* header -- columns, plan and provenance, and what is carried through unknown.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct header *h, const char *key)
{
    const char *text = json_string_value(json_object_get(h->metadata, key));
    return text == NULL ? "" : text;
}

static void test_columns(void)
{
    struct err err = {0};
    const int shape[] = {4, 5}, empty[] = {0};
    struct header *h = header_new("views", &err);
    OK(header_add(h, "id", DTYPE_I64, 0, NULL, &err) == 0 &&
            header_add(h, "pixels", DTYPE_U8, 2, shape, &err) == 0 &&
            header_add(h, "name", DTYPE_U8, -1, NULL, &err) == 0,
        "columns are added");
    OK(header_find(h, "pixels") == 1 && header_find(h, "none") == -1, "and found");
    OK(h->column[1].row_bytes == 20 && h->column[0].row_bytes == 8 && h->column[2].row_bytes == 0,
        "bytes of a row");
    OK(strcmp(h->column[2].offsets_name, "name.offsets") == 0, "a ragged column has offsets");
    OK(header_need(h, "pixels", DTYPE_U8, 2, "x", &err) == 1 && err.status == ERR_NONE, "needed");

    static const struct {
        const char *name, *says;
        enum dtype dtype;
        int rank;
    } wrong[] = {
        {"h", "'x' has no column 'h': it is a stream of views", DTYPE_F32, 1},
        {"pixels", "column 'pixels' of 'x' is U8 [4,5], not U8 of 3 dimensions a row", DTYPE_U8, 3},
        {"pixels", "column 'pixels' of 'x' is U8 [4,5], not U8 ragged", DTYPE_U8, -1},
        {"name", "column 'name' of 'x' is U8 [ragged], not U8 of 0 dimensions a row", DTYPE_U8, 0},
        {"id", "column 'id' of 'x' is I64 [], not F32 of 0 dimensions a row", DTYPE_F32, 0},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err = (struct err){0};
        OK(header_need(h, wrong[i].name, wrong[i].dtype, wrong[i].rank, "x", &err) == -1 &&
                err.status == ERR_INPUT && strcmp(err.text, wrong[i].says) == 0,
            "%s", err.text);
    }
    err = (struct err){0};
    OK(header_add(h, "id", DTYPE_I64, 0, NULL, &err) == -1 && err.status == ERR_INPUT,
        "no name twice");
    err = (struct err){0};
    OK(header_add(h, "a.b", DTYPE_I64, 0, NULL, &err) == -1, "no dot in a name");
    OK(header_add(h, "e", DTYPE_I64, 1, empty, &err) == -1, "no empty extent");
    OK(h->columns == 3, "and nothing was added");
    OK(header_drop(h, "none") == -1 && header_drop(h, "id") == 0, "columns are dropped");
    OK(h->columns == 2 && header_find(h, "pixels") == 0 && header_find(h, "name") == 1,
        "the others move up");
    header_free(h);
    header_free(NULL);
}

static void test_varying(void)
{
    struct err err = {0};
    const int open[] = {STREAM_VARIES, STREAM_VARIES, 3}, closed[] = {4, 4, 3}, below[] = {-2, 3};
    struct header *h = header_new("views", &err), *other = header_new("views", &err);
    OK(header_add(h, "pixels", DTYPE_U8, 3, open, &err) == 0 && h->column[0].varies &&
            h->column[0].row_bytes == 0,
        "extents may be open");
    OK(header_need_varying(h, "pixels", DTYPE_U8, 3, "x", &err) == 0 && err.status == ERR_NONE,
        "for those who take it");
    OK(header_need(h, "pixels", DTYPE_U8, 3, "x", &err) == -1 && err.status == ERR_INPUT &&
            strcmp(err.text, "'x' has 'pixels' of varying size, which this tool cannot take") == 0,
        "%s", err.text);
    err = (struct err){0};
    OK(header_need_varying(h, "pixels", DTYPE_U8, 2, "x", &err) == -1 &&
            strstr(err.text, "is U8 [?,?,3], not U8 of 2 dimensions a row") != NULL,
        "%s", err.text);
    err = (struct err){0};
    OK(header_add(h, "ids", DTYPE_I64, 1, open, &err) == -1, "but not the only one: %s", err.text);
    OK(header_add(h, "below", DTYPE_U8, 2, below, &err) == -1, "no extent below that");
    err = (struct err){0};
    header_add(other, "pixels", DTYPE_U8, 3, closed, &err);
    OK(!other->column[0].varies && !header_same_column(&h->column[0], &other->column[0]) &&
            header_same_column(&h->column[0], &h->column[0]),
        "open is not the same as closed");
    static const int size[][2] = {{96, 64}, {32, 32}};
    OK(header_set_sizes(h, 2, size, &err) == 0 &&
            strcmp(text_of(h, "sizes"), "[[96,64],[32,32]]") == 0,
        "the sizes of pictures are set");
    json_t *const metadata = header_metadata(h, &err);
    OK(strcmp(json_string_value(json_object_get(metadata, "columns")),
           "{\"pixels\":{\"dtype\":\"U8\",\"shape\":[null,null,3]}}") == 0,
        "written as null");
    struct header *const back = header_parse(metadata, &err);
    OK(back != NULL && header_same_column(&back->column[0], &h->column[0]) &&
            back->column[0].varies,
        "and read so");
    OK(back != NULL && back->sizes == 2 && back->size[0][1] == 64 && back->size[1][0] == 32,
        "with the sizes");
    struct header *const copy = header_copy(h, &err);
    OK(copy != NULL && copy->column[0].varies && copy->sizes == 2 && copy->size[0][0] == 96,
        "a copy too");
    OK(header_set_sizes(copy, 0, NULL, &err) == 0 && copy->sizes == 0 &&
            json_object_get(copy->metadata, "sizes") == NULL,
        "and taken away");
    json_decref(metadata);
    header_free(back);
    header_free(copy);
    header_free(h);
    header_free(other);
}

static void test_plan(void)
{
    struct err err = {0};
    const struct plan plan = {
        .batch = 4, .views = 2, .epochs = 3, .steps = 6, .steps_per_epoch = 2, .seed = -1};
    struct header *h = header_new("views", &err);
    OK(h->plan.steps == 0, "no plan at first");
    json_object_set_new(h->metadata, "plan", json_string("{\"curriculum\":[1],\"batch\":1}"));
    OK(header_set_plan(h, &plan, &err) == 0 && h->plan.steps == 6, "a plan is set");
    OK(strstr(text_of(h, "plan"), "\"curriculum\":[1]") != NULL &&
            strstr(text_of(h, "plan"), "\"batch\":4") != NULL,
        "unknown members stay: %s", text_of(h, "plan"));
    OK(header_set_plan(h, &(struct plan){0}, &err) == 0 &&
            json_object_get(h->metadata, "plan") == NULL && h->plan.steps == 0,
        "an empty plan is none");
    header_free(h);
}

static void test_provenance(void)
{
    struct err err = {0};
    struct header *h = header_new("views", &err);
    json_t *arguments = json_pack("{s:f, s:s}", "rate", 0.3, "a", "b");
    OK(header_provenance(h, "one", 1, arguments, NULL, &err) == 0, "a first entry");
    OK(strncmp(text_of(h, "run"), "[{\"tool\":\"one\",\"version\":\"", 26) == 0 &&
            strstr(text_of(h, "run"), "\"seed\":1,\"arguments\":{\"rate\":0.3,\"a\":\"b\"}}]") !=
                NULL,
        "%s", text_of(h, "run"));
    const char *const theirs = "[ {\"tool\" : \"x\", \"rate\": 0.1000 , \"y\":[\"]\"]} ]";
    json_object_set_new(h->metadata, "run", json_string(theirs));
    OK(header_provenance(h, "two", 2, arguments, "abc", &err) == 0, "a second entry");
    OK(strncmp(text_of(h, "run"), theirs, strlen(theirs) - 1) == 0,
        "what others wrote stays as they wrote it: %s", text_of(h, "run"));
    json_t *run = header_get(h, "run");
    OK(json_array_size(run) == 2 &&
            strcmp(json_string_value(json_object_get(json_array_get(run, 1), "weights")), "abc") ==
                0,
        "and the second entry is behind it");
    json_decref(run);
    json_object_set_new(h->metadata, "run", json_string(" [ ] "));
    header_provenance(h, "three", 3, arguments, NULL, &err);
    run = header_get(h, "run");
    OK(json_array_size(run) == 1, "an empty array is no entry");
    json_decref(run);
    json_decref(arguments);
    OK(header_get(h, "none") == NULL, "what is not there is NULL");
    header_free(h);
}

static void test_metadata(void)
{
    struct err err = {0};
    const int shape[] = {3};
    json_t *metadata = json_pack("{s:s, s:s, s:s, s:s, s:s}", "colour", "blue {", "tensor_stream",
        "1", "kind", "features", "columns",
        "{\"h\":{\"dtype\":\"F32\",\"shape\":[3]},\"n\":{\"dtype\":\"U8\",\"shape\":[null]}}",
        "plan", "{\"batch\":1,\"epochs\":1,\"steps\":2,\"steps_per_epoch\":2,\"seed\":9}");
    struct header *h = header_parse(metadata, &err);
    OK(h != NULL && h->columns == 2 && h->column[1].ragged && h->plan.steps == 2, "parsed");
    struct header *copy = header_copy(h, &err);
    header_add(h, "more", DTYPE_F32, 1, shape, &err);
    header_set_kind(h, "other", &err);
    json_t *again = header_metadata(copy, &err);
    OK(json_equal(again, metadata), "a copy gives the metadata it came from");
    OK(copy->plan.seed == 9 && copy->columns == 2, "and keeps what the first one loses");
    json_decref(again);
    json_t *value = json_pack("[i]", 4);
    OK(header_set(copy, "list", value, &err) == 0 && strcmp(text_of(copy, "list"), "[4]") == 0,
        "a value is kept as text");
    json_decref(value);
    value = header_get(copy, "colour");
    OK(value == NULL, "text that is not JSON is no value");
    header_free(h);
    header_free(copy);

    json_object_set_new(metadata, "tensor_stream", json_string("2"));
    OK(header_parse(metadata, &err) == NULL && err.status == ERR_INPUT &&
            strstr(err.text, "version '2'") != NULL && strstr(err.text, "version 1") != NULL,
        "%s", err.text);
    json_decref(metadata);
}

int main(void)
{
    test_columns();
    test_varying();
    test_plan();
    test_provenance();
    test_metadata();
    return tap_done();
}
