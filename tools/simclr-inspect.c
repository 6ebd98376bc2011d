/* simclr-inspect -- what is in a tensor stream or a safetensors file, and is it whole.
 * SPDX-License-Identifier: MIT */
#include "formats/stream.h"
#include "formats/summary.h"
#include "lib/base/text.h"
#include "tools/cli.h"
#include "tools/die.h"
#include "tools/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS_MAX ((size_t)64 << 30) /* memory grows with what is there */

static bool check, digest;
static int64_t head;

static struct cli_option options[] = {
    CLI_ROW_INPUT,
    {0, "check", NULL, CLI_FLAG, &check, 0, 0, CLI_INCIDENTAL,
        "print nothing: the status tells whether the input is whole", false},
    {0, "digest", NULL, CLI_FLAG, &digest, 0, 0, CLI_INCIDENTAL,
        "print the SHA-256 digest of all tensors", false},
    {0, "head", "N", CLI_LONG, &head, 1, 1e15, CLI_INCIDENTAL,
        "print the first N records too, each column as min, mean and max", false},
    CLI_ROWS_END,
};

static struct cli_tool tool = {
    .name = "simclr-inspect",
    .operands = "[FILE]",
    .operands_max = 1,
    .purpose = "Print what is in a tensor stream or a safetensors file, and check it to its end.",
    .options = options,
};

/* ---- printing ---------------------------------------------------------------------------------
 */

/* What was found before the damage is printed too. */
static _Noreturn void give_up(const struct err *err)
{
    fflush(stdout);
    die_err(err);
}

/* Names come from the input. */
static void print_name(const char *name)
{
    char *const copy = strdup(name);
    if (copy != NULL) {
        text_clean(copy);
        fputs(copy, stdout);
        free(copy);
    } else {
        die(ERR_FAILED, "cannot allocate memory for a name");
    }
}

/* An extent that varies from record to record is a question mark. */
static void print_shape(enum dtype dtype, bool ragged, int rank, const int64_t *shape)
{
    printf("\t%s\t[%s", dtype_name(dtype), ragged ? "ragged" : "");
    for (int i = 0; i < rank; i++) {
        printf("%s", i > 0 ? "," : "");
        if (shape[i] == STREAM_VARIES)
            printf("?");
        else
            printf("%" PRId64, shape[i]);
    }
    printf("]");
}

static void print_tensor(const char *word, const struct tensor *t, bool values)
{
    printf("%s\t", word);
    print_name(t->name);
    print_shape(t->dtype, false, t->rank, t->shape);
    if (values) {
        const struct summary s = summary_of(t);
        printf("\tmin %.6g\tmean %.6g\tmax %.6g", s.min, s.mean, s.max);
        if (s.odd > 0)
            printf("\tnot finite %" PRId64, s.odd);
    }
    putchar('\n');
}

/* Metadata as it came, one line a key. */
static void print_metadata(const json_t *metadata, const char *without)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (without != NULL && strcmp(key, without) == 0)
            continue;
        print_name(key);
        putchar('\t');
        print_name(json_string_value(value));
        putchar('\n');
    }
}

static void print_header(const struct header *header)
{
    printf("kind\t");
    print_name(header->kind);
    putchar('\n');
    for (int i = 0; i < header->columns; i++) {
        const struct column *const c = &header->column[i];
        int64_t shape[SAFETENSORS_DIMENSIONS];
        for (int d = 0; d < c->rank; d++)
            shape[d] = c->shape[d];
        printf("column\t");
        print_name(c->name);
        print_shape(c->dtype, c->ragged, c->rank, shape);
        putchar('\n');
    }
    print_metadata(header->metadata, "run");
    json_t *const run = header_get(header, "run");
    for (size_t i = 0; i < json_array_size(run); i++) {
        char *const text = json_dumps(
            json_array_get(run, i), JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
        printf("run\t%s\n", text != NULL ? text : "?");
        free(text);
    }
    json_decref(run);
}

/* ---- streams ----------------------------------------------------------------------------------
 */

struct account {
    int64_t records, rows, first, last; /* of this stream; steps */
    int64_t all;                        /* records of all streams */
    struct sha256 hash;
};

static void take(struct account *account, const struct header *header, const struct record *record,
    struct tensor *tensor)
{
    const int count = record_tensors(header, record, tensor);
    account->first = account->records == 0 ? record->step : account->first;
    account->last = record->step;
    account->records++;
    account->all++;
    account->rows += record->rows;
    if (digest)
        safetensors_hash(&account->hash, count, tensor);
    if (account->all > head)
        return;
    printf("record\tstep %" PRId64 "\tepoch %" PRId64 "\tpart %d of %d\trows %d\n", record->step,
        record->epoch, record->part, record->parts, record->rows);
    for (int i = 0; i < count; i++)
        print_tensor("tensor", &tensor[i], true);
}

/* One stream of a concatenation. 1: read to its END; 0: --head has had enough. */
static int inspect_records(
    struct reader *reader, const struct header *header, struct account *account)
{
    struct err err = {0};
    struct record record = {0};
    struct tensor *const tensor = calloc(2 * (size_t)header->columns, sizeof *tensor);
    int got = tensor == NULL ? err_memory(&err, "a record") : 0;
    account->records = account->rows = 0;
    while (got >= 0 && (head == 0 || account->all < head) &&
           (got = reader_record(reader, &record, &err)) == 1) {
        take(account, header, &record, tensor);
        progress_update(account->rows, NULL);
    }
    free(tensor);
    record_free(&record);
    if (got < 0)
        give_up(&err);
    if (got == 1)
        return 0;
    if (!check && !digest) {
        printf("end\trecords %" PRId64 "\trows %" PRId64, account->records, account->rows);
        if (account->records > 0)
            printf("\tsteps %" PRId64 " to %" PRId64, account->first, account->last);
        putchar('\n');
    }
    return 1;
}

static void inspect_stream(struct channel *in, const char *name)
{
    struct err err = {0};
    struct account account = {0};
    const struct header *header;
    struct reader *const reader = reader_new(in, STREAM_RECORD, &err);
    int got = reader == NULL ? -1 : 1;
    sha256_init(&account.hash);
    progress_start(0, "rows");
    while (got == 1 && (got = reader_header(reader, &header, &err)) == 1) {
        if (!check && !digest)
            print_header(header);
        if (inspect_records(reader, header, &account) == 0)
            break;
    }
    if (got < 0)
        give_up(&err);
    reader_free(reader);
    progress_end(account.rows);
    if (digest) {
        char hex[65];
        sha256_final(&account.hash, hex);
        printf("%s  ", hex);
        print_name(name);
        putchar('\n');
    }
}

/* ---- files of weights -------------------------------------------------------------------------
 */

static void inspect_document(struct channel *in, const char *name)
{
    struct err err = {0};
    struct safetensors doc;
    if (safetensors_read(&doc, in, WEIGHTS_MAX, &err) < 0)
        give_up(&err);
    if (digest) {
        char hex[65];
        safetensors_digest(hex, doc.count, doc.tensor);
        printf("%s  ", hex);
        print_name(name);
        putchar('\n');
    } else if (!check) {
        size_t bytes = 0;
        print_metadata(doc.metadata, NULL);
        for (int i = 0; i < doc.count; i++) {
            bytes += doc.tensor[i].bytes;
            print_tensor("tensor", &doc.tensor[i], i < head);
        }
        printf("end\ttensors %d\tbytes %zu\n", doc.count, bytes);
    }
    safetensors_free(&doc);
}

/* A document has its '{' behind eight bytes of length; a stream begins with a zstd frame. */
static bool is_document(struct channel *in)
{
    static const unsigned char frame[4] = {0x28, 0xb5, 0x2f, 0xfd};
    unsigned char first[9];
    struct err err = {0};
    const ssize_t got = channel_peek(in, first, sizeof first, &err);
    if (got < 0)
        die_err(&err);
    return got == sizeof first && memcmp(first, frame, sizeof frame) != 0 && first[8] == '{';
}

int main(int argc, char **argv)
{
    const int operand = cli_parse(&tool, argc, argv);
    if (check + digest + (head > 0) > 1)
        die(ERR_MISUSE, "--check, --digest and --head exclude each other");
    struct channel *const in = cli_open(operand < argc ? argv[operand] : NULL);
    const char *const name =
        strcmp(channel_name(in), "standard input") == 0 ? "-" : channel_name(in);

    if (is_document(in))
        inspect_document(in, name);
    else
        inspect_stream(in, name);

    channel_abandon(in);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        struct err err = {0};
        err_errno(&err, "cannot write 'standard output'");
        die_err(&err);
    }
    return 0;
}
