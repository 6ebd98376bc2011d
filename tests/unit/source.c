/* source, archive, passing -- kinds told by content, from files and through pipes, copied or as they
 * come; what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/source.h"

#include "formats/stream.h"
#include "tests/unit/member.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum way { AGAIN, ONCE };

static struct err err;
static struct spool spool;

static int run(const char *command)
{
    return system(command) == 0;
}

static int open_it(struct source *s, const char *path, enum way way)
{
    memset(&err, 0, sizeof err);
    const int failed = source_open(s, path, way == ONCE ? NULL : &spool, 0, &err);
    if (failed)
        printf("# %d '%s' '%s'\n", err.status, err.text, err.hint);
    return failed ? (int)err.status : 0;
}

static int refused(const char *path, int status, const char *why)
{
    struct source s;
    const int got = open_it(&s, path, AGAIN);
    if (got == 0)
        source_close(&s);
    return got == status && strstr(err.text, why) != NULL;
}

/* Rows as text, "name=label:bytes|", however they are to be had; -1 and what came before damage. */
static int rows(struct source *s, char *out, size_t room)
{
    struct bytes b = {0};
    int got = 1;
    out[0] = '\0';
    for (int64_t i = 0; got == 1; i++) {
        int label = -1;
        const char *name = "";
        b.size = 0;
        if (s->kind == SOURCE_PASSING) {
            got = source_next(s, &label, &name, &b, &err);
        } else {
            got = i == s->count ? 0 : source_read(s, i, &b, &err) == 0 ? 1 : -1;
            if (got == 1) {
                label = source_label(s, i);
                name = source_name(s, i);
            }
        }
        const size_t at = strlen(out);
        if (got == 1)
            snprintf(out + at, room - at, "%s=%d:%.*s|", name, label,
                (int)(b.size < 20 ? b.size : 20), b.size > 0 ? (char *)b.data : "");
    }
    bytes_free(&b);
    return got;
}

static int gives(const char *path, enum way way, enum source_kind kind, const char *want)
{
    struct source s;
    char text[4000] = "";
    if (open_it(&s, path, way) != 0)
        return 0;
    const int good = s.kind == kind && (s.count < 0) == (kind == SOURCE_PASSING) &&
                     rows(&s, text, sizeof text) == 0 && strcmp(text, want) == 0;
    if (!good)
        printf("# kind %d '%s' '%s'\n", s.kind, text, err.text);
    source_close(&s);
    return good;
}

/* The same through a FIFO, with a shell as its writer. */
static int piped(const char *command, enum way way, enum source_kind kind, const char *want)
{
    char line[200];
    snprintf(line, sizeof line, "(%s) >fifo &", command);
    return run(line) && gives("fifo", way, kind, want);
}

/* ---- archives ------------------------------------------------------------------------------- */

#define FOLDERS "t/a/1.jpg=0:one|t/a/2.jpg=0:two|t/b/3.jpg=1:three|"
#define WITHOUT "t/a/1.jpg=-1:one|t/a/2.jpg=-1:two|t/b/3.jpg=-1:three|"
#define SAMPLES "0.jpg=0:one|1.jpg=1:two|2.jpg=0:three|"

static void check_archives(void)
{
    OK(run("mkdir -p t/a t/b && printf one >t/a/1.jpg && printf two >t/a/2.jpg && printf three "
           ">t/b/3.jpg && echo x >t/notes.txt && tar --sort=name -cf t.tar t && gzip -k t.tar && "
           "zstd -q t.tar && cp t.tar.gz t-ubyte"),
        "archives of a folder");
    OK(gives("t.tar", AGAIN, SOURCE_ARCHIVE, FOLDERS) &&
            gives("t.tar", ONCE, SOURCE_ARCHIVE, FOLDERS),
        "a plain one is listed; folders are classes");
    OK(gives("t.tar.gz", AGAIN, SOURCE_ARCHIVE, FOLDERS) &&
            gives("t.tar.zst", AGAIN, SOURCE_ARCHIVE, FOLDERS),
        "a compressed one is copied");
    OK(gives("t.tar.gz", ONCE, SOURCE_PASSING, WITHOUT) &&
            gives("t.tar.zst", ONCE, SOURCE_PASSING, WITHOUT),
        "or passes by, and has no classes then");
    OK(piped("cat t.tar", AGAIN, SOURCE_ARCHIVE, FOLDERS) &&
            piped("cat t.tar.gz", AGAIN, SOURCE_ARCHIVE, FOLDERS) &&
            piped("cat t.tar", ONCE, SOURCE_PASSING, WITHOUT) &&
            piped("cat t.tar.zst", ONCE, SOURCE_PASSING, WITHOUT),
        "the same through a pipe");
    OK(piped("head -c 1 t.tar.gz; sleep 0.1; tail -c +2 t.tar.gz | head -c 20; sleep 0.1; "
             "tail -c +22 t.tar.gz",
           ONCE, SOURCE_PASSING, WITHOUT),
        "in pieces");
    OK(piped("cat t.tar.zst t.tar.zst", ONCE, SOURCE_PASSING, WITHOUT WITHOUT),
        "two behind one another");

    OK(run("mkdir s && cd s && printf one >0.jpg && printf fox >0.cls && printf two >1.jpg && echo "
           "'{\"label\":\"ant\"}' >1.json && printf three >2.jpg && echo fox >2.cls && echo x "
           ">3.txt "
           "&& tar --sort=name -cf ../s.tar 0* 1* 2* 3*"),
        "an archive of samples");
    OK(gives("s.tar", AGAIN, SOURCE_ARCHIVE, SAMPLES) &&
            piped("cat s.tar", AGAIN, SOURCE_ARCHIVE, SAMPLES) &&
            piped("cat s.tar", ONCE, SOURCE_PASSING, SAMPLES),
        "classes in the order in which they come, whichever way");
    struct source s;
    OK(open_it(&s, "s.tar", AGAIN) == 0 && s.classes->count == 2 && s.ignored == 1 &&
            strcmp(s.classes->name[0], "fox") == 0 && strcmp(s.classes->name[1], "ant") == 0,
        "their names");
    source_close(&s);
}

static void check_numbers(void)
{
    char text[100];
    struct source s;
    OK(run("mkdir n && cd n && for i in 0 1 2; do printf $i >$i.jpg; done && echo 5 >0.cls && echo "
           "2 "
           ">1.cls && echo -1 >2.cls && tar --sort=name -cf ../n.tar * && echo word >2.cls && tar "
           "--sort=name -cf ../mixed.tar *"),
        "archives with numbers");
    OK(gives("n.tar", AGAIN, SOURCE_ARCHIVE, "0.jpg=5:0|1.jpg=2:1|2.jpg=-1:2|") &&
            piped("cat n.tar", ONCE, SOURCE_PASSING, "0.jpg=5:0|1.jpg=2:1|2.jpg=-1:2|"),
        "numbers stay as they are");
    OK(gives("mixed.tar", AGAIN, SOURCE_ARCHIVE, "0.jpg=0:0|1.jpg=1:1|2.jpg=2:2|"),
        "among names they are names");
    OK(run("cat mixed.tar >fifo &") && open_it(&s, "fifo", ONCE) == 0 &&
            rows(&s, text, sizeof text) < 0 && err.status == ERR_INPUT &&
            strcmp(text, "0.jpg=5:0|1.jpg=2:1|") == 0,
        "a name behind numbers that have gone by is refused: %s", err.text);
    source_close(&s);
}

static void check_damage(void)
{
    struct source s;
    char text[200];
    OK(run("head -c 3000 t.tar >cut.tar && head -c 200 t.tar.gz >cut.gz && head -c 150 t.tar.zst "
           ">cut.zst && seq 30000 >q.jpg && tar -czf bad.gz q.jpg && printf xxxx | dd of=bad.gz "
           "bs=1 seek=20000 "
           "conv=notrunc "
           "2>dd.log && tar -cf none.tar t/notes.txt && tar -cf empty.tar -T /dev/null"),
        "damaged archives");
    OK(refused("cut.tar", ERR_INPUT, "the archive 'cut.tar' is cut short"), "cut short");
    OK(refused("cut.gz", ERR_INPUT, "'cut.gz' is cut short"), "gzip cut short");
    OK(refused("cut.zst", ERR_INPUT, "'cut.zst' is damaged: it is cut short"), "zstd cut short");
    OK(refused("bad.gz", ERR_INPUT, "'bad.gz' is damaged: gzip: "), "gzip damaged");
    OK(refused("none.tar", ERR_MISUSE, "'none.tar' has no pictures (1 other"), "no pictures");
    OK(refused("empty.tar", ERR_MISUSE, "'empty.tar' has no pictures"), "no members");
    OK(run("head -c 5000 t.tar >fifo &") && open_it(&s, "fifo", ONCE) == 0 &&
            rows(&s, text, sizeof text) < 0 && err.status == ERR_INPUT &&
            strncmp(text, "t/a/1.jpg=-1:one|", 17) == 0,
        "one that passes by is refused where it ends: %s", err.text);
    source_close(&s);

    OK(open_it(&s, "t.tar", AGAIN) == 0 && run("cp t.tar u.tar && mv u.tar t.tar"),
        "an archive is listed, and replaced by another");
    OK(rows(&s, text, sizeof text) == 0, "it is still open");
    close(s.as.archive.fd);
    s.as.archive.fd = -1; /* as if very many were open */
    OK(rows(&s, text, sizeof text) < 0 && err.status == ERR_FAILED &&
            strstr(err.text, "'t.tar' was changed") != NULL,
        "opened anew it is another: %s", err.text);
    source_close(&s);
    OK(open_it(&s, "t.tar", AGAIN) == 0, "again");
    close(s.as.archive.fd);
    s.as.archive.fd = -1;
    OK(rows(&s, text, sizeof text) == 0 && strcmp(text, FOLDERS) == 0, "opened for each picture");
    source_close(&s);
}

/* ---- streams -------------------------------------------------------------------------------- */

/* A stream of two pictures with bytes, labels 1 and -1 and names; `names` is JSON, or NULL. */
static void put_stream(const char *path, const char *kind, const char *names, int epochs)
{
    struct channel *const out = channel_create(path, &err);
    struct header *const h = header_new(kind, &err);
    header_add(h, "bytes", DTYPE_U8, -1, NULL, &err);
    header_add(h, "id", DTYPE_I64, 0, NULL, &err);
    header_add(h, "label", DTYPE_I64, 0, NULL, &err);
    header_add(h, "name", DTYPE_U8, -1, NULL, &err);
    json_t *const dataset = json_object();
    if (names != NULL)
        json_object_set_new(dataset, "class_names", json_loads(names, 0, NULL));
    header_set(h, "dataset", dataset, &err);
    json_decref(dataset);
    if (epochs > 0)
        header_set_plan(h,
            &(struct plan){.batch = 2, .epochs = epochs, .steps = epochs, .steps_per_epoch = 1},
            &err);
    int64_t at[] = {0, 3, 8}, id[] = {70, 80}, label[] = {1, -1}, name_at[] = {0, 1, 3};
    struct field field[] = {{.data = "onethree", .offsets = at}, {.data = id}, {.data = label},
        {.data = "abb", .offsets = name_at}};
    struct record record = {.rows = 2, .parts = 1, .field = field, .fields = 4};
    struct writer *const w = writer_new(out, 1, h, &err);
    for (int i = 0; i < (epochs > 0 ? epochs : 1); i++, record.step++, record.epoch++)
        writer_record(w, &record, &err);
    writer_end(w, &err);
    writer_free(w);
    header_free(h);
    channel_finish(out, &err);
}

static void check_streams(void)
{
    struct source s;
    char text[200];
    put_stream("x.ts", "images", "[\"cat\", \"dog\"]", 0);
    put_stream("y.ts", "images", "[\"dog\", \"eel\", \"cat\"]", 0);
    put_stream("plain.ts", "images", NULL, 1);
    put_stream("views.ts", "views", NULL, 0);
    put_stream("run.ts", "images", NULL, 2);
    put_stream("few.ts", "images", "[\"cat\"]", 0);
    OK(gives("x.ts", AGAIN, SOURCE_ARCHIVE, "a=1:one|bb=-1:three|") &&
            gives("x.ts", ONCE, SOURCE_PASSING, "a=1:one|bb=-1:three|") &&
            piped("cat x.ts", ONCE, SOURCE_PASSING, "a=1:one|bb=-1:three|"),
        "a stream, %s", err.text);
    OK(open_it(&s, "x.ts", AGAIN) == 0 && s.classes->named == 2 &&
            strcmp(s.classes->name[1], "dog") == 0,
        "its classes");
    source_close(&s);
    OK(piped("cat x.ts y.ts", AGAIN, SOURCE_ARCHIVE, "a=1:one|bb=-1:three|a=2:one|bb=-1:three|"),
        "classes of two are joined by name");
    OK(gives("plain.ts", AGAIN, SOURCE_ARCHIVE, "a=1:one|bb=-1:three|"), "numbers");
    OK(open_it(&s, "plain.ts", AGAIN) == 0 && s.classes->count == 2 && s.classes->named == 0,
        "as many as the labels need");
    source_close(&s);
    OK(run("cat x.ts plain.ts >mixed.ts") && refused("mixed.ts", ERR_INPUT, "others without"),
        "names and numbers do not mix");
    OK(refused("views.ts", ERR_MISUSE, "a stream of views, not of images"), "another kind");
    OK(refused("run.ts", ERR_MISUSE, "a training run of 2 epochs"), "a training run");
    OK(refused("few.ts", ERR_INPUT, "label 1 of 1 classes"), "a label beyond its classes");
    OK(run("head -c -60 x.ts >cut.ts") && refused("cut.ts", ERR_INPUT, "ends without an end"),
        "one that is cut short");
    OK(run("cat cut.ts >fifo &") && open_it(&s, "fifo", ONCE) == 0 &&
            rows(&s, text, sizeof text) < 0 && err.status == ERR_INPUT &&
            strcmp(text, "a=1:one|bb=-1:three|") == 0,
        "after what was in it");
    source_close(&s);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static void check_kinds(void)
{
    OK(run("ls t/a/*.jpg t/b/*.jpg >list") &&
            gives("list", AGAIN, SOURCE_LIST,
                "t/a/1.jpg=-1:one|t/a/2.jpg=-1:two|t/b/3.jpg=-1:three|") &&
            piped("cat list", ONCE, SOURCE_LIST,
                "t/a/1.jpg=-1:one|t/a/2.jpg=-1:two|t/b/3.jpg=-1:three|"),
        "a list of paths");
    OK(run("printf '\\223NUMPY\\1\\0\\100\\0%-63s\\n12345678' \"{'descr': '|u1', 'fortran_order': "
           "False, 'shape': (2, 2, 2)}\" >x") &&
            gives("x", AGAIN, SOURCE_NPY, "=-1:1234|=-1:5678|"),
        "an array, whatever it is called");
    OK(gives("t", AGAIN, SOURCE_FOLDER, "a/1.jpg=0:one|a/2.jpg=0:two|b/3.jpg=1:three|"),
        "a folder");
    OK(run("(printf '\\0\\0\\10\\3\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0\\0\\1x') | gzip >x.bz2") &&
            gives("x.bz2", AGAIN, SOURCE_IDX, "=-1:x|"),
        "compressed IDX, whatever it is called");
    OK(refused("t-ubyte", 0, "") && err.status == ERR_NONE, "an archive that is called like IDX");

    OK(run(": >nothing") && refused("nothing", ERR_MISUSE, "'nothing' is empty"), "an empty file");
    OK(refused("/dev/null", ERR_MISUSE, "'/dev/null' is empty"), "a device");
    OK(run("printf 'PK\\3\\4' >z.zip") && refused("z.zip", ERR_MISUSE, "known kind") &&
            strstr(err.hint, "ZIP") != NULL,
        "a ZIP archive");
    OK(run("echo hello | gzip >h.gz") && refused("h.gz", ERR_MISUSE, "known kind"),
        "a compressed text");
    OK(run("echo hello >text") && refused("text", ERR_MISUSE, "known kind"), "a text");
    OK(run("printf '\\37\\213\\10\\377xxxxxxxxxxxxx' >b.gz") &&
            refused("b.gz", ERR_INPUT, "damaged"),
        "gzip with a damaged header");
    OK(run("head -c 100000 /dev/zero | tr '\\0' '\\1' >fifo &") &&
            refused("fifo", ERR_MISUSE, "'fifo' is not a data set"),
        "something else through a pipe");
    OK(run("printf 'x\\1' >fifo &") && refused("fifo", ERR_MISUSE, "known kind"), "two bytes");
    OK(refused("gone", ERR_MISUSE, "cannot open 'gone'"), "a missing file");
}

int main(void)
{
    char root[] = "/tmp/source.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0 || mkfifo("fifo", 0666) < 0)
        return 1;
    setenv("LC_ALL", "C", 1);
    check_archives();
    check_numbers();
    check_damage();
    check_streams();
    check_kinds();
    spool_close(&spool);
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
