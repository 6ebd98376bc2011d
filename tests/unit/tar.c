/* tar -- every kind of header, archives cut short anywhere, and every flipped byte.
 * SPDX-License-Identifier: MIT */
#include "formats/tar.h"

#include "tests/unit/file.h"
#include "tests/unit/member.h"
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <unistd.h>

static char folder[] = "/tmp/tar.XXXXXX", path[100];

/* The members as text: "name:data|", or with `read` false "name:size|". */
struct listing {
    char text[4096];
    int members;
    int64_t others;
    struct err err;
};

static struct listing list_from(struct unpack *unpack, bool read)
{
    struct listing out = {.text = ""};
    struct tar *const tar = tar_new(unpack, &out.err);
    struct tar_member m;
    struct bytes data = {0};
    while (tar_next(tar, &m, &out.err) == 1) {
        const size_t at = strlen(out.text);
        data.size = 0;
        if (read && tar_read(tar, &data, &out.err) < 0)
            break;
        if (read)
            snprintf(out.text + at, sizeof out.text - at, "%.200s:%.*s|", m.name, (int)data.size,
                data.size > 0 ? (char *)data.data : "");
        else
            snprintf(
                out.text + at, sizeof out.text - at, "%.200s:%lld|", m.name, (long long)m.size);
        out.members++;
    }
    out.others = tar_others(tar);
    bytes_free(&data);
    tar_free(tar);
    return out;
}

/* Once as a file, without reading data, and once through a channel. */
static struct listing list(const struct bytes *a, bool as_file)
{
    static FILE *file;
    struct err err = {0};
    struct listing out;
    char name[32];
    if (file == NULL && (file = tmpfile()) == NULL)
        abort();
    const int fd = fileno(file);
    if (ftruncate(fd, 0) < 0 || pwrite(fd, a->data, a->size, 0) != (ssize_t)a->size)
        abort();
    lseek(fd, 0, SEEK_SET);
    if (as_file) {
        struct unpack *const unpack = unpack_file(fd, "x.tar", &err);
        out = list_from(unpack, false);
        unpack_free(unpack);
    } else {
        snprintf(name, sizeof name, "/dev/fd/%d", fd);
        struct channel *const channel = channel_open(name, &err);
        struct unpack *const unpack = unpack_new(channel, &err);
        out = list_from(unpack, true);
        unpack_free(unpack);
        channel_abandon(channel);
    }
    return out;
}

static int gives(const struct bytes *a, const char *want)
{
    const struct listing got = list(a, false), file = list(a, true);
    const int good = strcmp(got.text, want) == 0 && got.err.status == ERR_NONE &&
                     file.err.status == ERR_NONE && file.members == got.members;
    if (!good)
        printf("# '%s' %d '%s' %d '%s'\n", got.text, got.err.status, got.err.text, file.members,
            file.err.text);
    return good;
}

static int refused(const struct bytes *a, const char *why)
{
    const struct listing got = list(a, false), file = list(a, true);
    const int good = got.err.status == ERR_INPUT && strstr(got.err.text, why) != NULL &&
                     file.err.status == ERR_INPUT && strstr(file.err.text, why) != NULL;
    if (!good)
        printf("# %d '%s' %d '%s'\n", got.err.status, got.err.text, file.err.status, file.err.text);
    return good;
}

static void check_kinds(void)
{
    struct bytes a = {0};
    unsigned char *h;
    char name[256], want[600];
    member_add(&a, '5', "d/", "", 0);
    member_add(&a, '0', "d/a", "one", 3);
    member_add(&a, '\0', "old", "two", 3);
    member_add(&a, '\0', "olddir/", "", 0);
    member_header(&a, '1', "hard", 1000); /* says the size of what it links to */
    member_add(&a, '2', "soft", "", 0);
    member_add(&a, '3', "device", "", 0);
    member_add(&a, '6', "fifo", "", 0);
    member_add(&a, '7', "contiguous", "three", 5);
    member_add(&a, 'V', "volume", "", 0);
    member_add(&a, '0', "empty", "", 0);
    member_end(&a);
    OK(gives(&a, "d/a:one|old:two|contiguous:three|empty:|"), "regular files");
    OK(list(&a, true).others == 5, "links, devices and so on are counted");

    a.size = 0;
    memset(name, 'n', 100);
    h = member_header(&a, '0', "", 1);
    memset(h, 'n', 100);
    memset(h + 345, 'p', 155);
    member_sum(h);
    member_data(&a, "x", 1);
    member_end(&a);
    memset(want, 'p', 155);
    memset(want + 155, 'n', 256);
    want[155] = '/';
    const struct listing full = list(&a, false);
    OK(strncmp(full.text, want, 200) == 0 && full.members == 1, "a name that fills its fields");

    a.size = 0;
    h = member_header(&a, '0', "gnu", 1);
    memcpy(h + 257, "ustar  \0", 8);
    memcpy(h + 345, "no prefix", 9); /* GNU keeps times there */
    member_sum(h);
    member_data(&a, "x", 1);
    h = member_header(&a, '0', "v7", 1);
    memset(h + 257, 0, 8);
    memcpy(h + 345, "no prefix", 9);
    member_sum(h);
    member_data(&a, "y", 1);
    member_end(&a);
    OK(gives(&a, "gnu:x|v7:y|"), "formats without a prefix");

    a.size = 0;
    h = member_header(&a, '0', "\xff\xfe", 0);
    int sum = 8 * ' ';
    for (int i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? 0 : (signed char)h[i];
    snprintf((char *)h + 148, 8, "%06o", (unsigned)sum);
    member_end(&a);
    OK(gives(&a, "\xff\xfe:|"), "a checksum of signed bytes");
    bytes_free(&a);
}

static void check_extended(void)
{
    struct bytes a = {0};
    unsigned char *h;
    member_add(&a, 'g', "global", "19 comment=of all.\n", 19);
    member_add(&a, 'L', "././@LongLink", "long name", 10);
    member_add(&a, '0', "long na", "1", 1);
    member_add(&a, 'K', "././@LongLink", "target", 7);
    member_add(&a, '2', "link", "", 0);
    member_add(
        &a, 'x', "pax", "16 path=pa x\xc3\xa9\n30 mtime=1350244992.023960108\n9 size=3\n", 55);
    h = member_header(&a, '0', "pax", 0);
    member_data(&a, "two", 3);
    member_add(&a, '0', "plain", "3", 1);
    member_end(&a);
    OK(list(&a, false).err.status == ERR_INPUT, "a pax line of the wrong length");
    a.size = 0;
    member_add(&a, 'L', "././@LongLink", "long name", 10);
    member_add(&a, '0', "long na", "1", 1);
    member_add(&a, 'K', "././@LongLink", "target", 7);
    member_add(&a, '2', "link", "", 0);
    member_add(&a, 'g', "global", "13 size=1000\n", 13);
    member_add(&a, 'x', "pax", "15 path=pa x\xc3\xa9\n30 mtime=1350244992.023960108\n9 size=3\n",
        15 + 30 + 9);
    h = member_header(&a, '0', "pax", 0);
    member_data(&a, "two", 3);
    member_add(&a, '0', "plain", "3", 1);
    member_end(&a);
    OK(gives(&a, "long name:1|pa x\xc3\xa9:two|plain:3|"),
        "long names and pax headers hold for one member");

    a.size = 0;
    h = member_header(&a, '0', "binary", 0);
    memset(h + 124, 0, 12);
    h[124] = 0x80;
    h[135] = 5;
    member_sum(h);
    member_data(&a, "12345", 5);
    h = member_header(&a, 'S', "sparse", 4);
    h[482] = 1;
    member_sum(h);
    member_room(&a, 512)[504] = 1; /* two more blocks of the map */
    member_room(&a, 512);
    member_data(&a, "data", 4);
    member_add(&a, 'x', "pax", "22 GNU.sparse.major=1\n", 22);
    member_add(&a, '0', "GNUSparseFile.0/x", "map", 3);
    member_add(&a, '0', "last", "6", 1);
    member_end(&a);
    OK(gives(&a, "binary:12345|last:6|"), "binary sizes; sparse files are left out");
    bytes_free(&a);
}

static void check_ends(void)
{
    struct bytes a = {0}, b = {0};
    member_add(&a, '0', "a", "1", 1);
    member_end(&a);
    member_room(&a, 9 * 512);
    const size_t one = a.size;
    member_add(&a, '0', "b", "2", 1);
    member_end(&a);
    OK(gives(&a, "a:1|b:2|"), "archives behind one another");
    a.size -= 512;
    OK(gives(&a, "a:1|b:2|"), "one block of zeros at the end will do");
    a.size -= 512;
    OK(refused(&a, "no end mark"), "none will not");
    a.size = one;
    member_data(&a, "rubbish", 7);
    OK(refused(&a, "followed by something else"), "rubbish behind the end");
    member_end(&b);
    OK(gives(&b, ""), "an archive without members");
    bytes_free(&a);
    bytes_free(&b);

    const int fd = open("/dev/zero", O_RDONLY);
    struct err err = {0};
    struct unpack *const unpack = unpack_file(fd, "zeros", &err);
    const struct listing zeros = list_from(unpack, false);
    OK(zeros.err.status == ERR_INPUT && strstr(zeros.err.text, "nothing but zeros") != NULL,
        "zeros without an end");
    unpack_free(unpack);
    close(fd);
}

static void check_damage(void)
{
    struct bytes a = {0};
    unsigned char *h;
    h = member_header(&a, '0', "a", 1);
    h[0] = 'b';
    OK(refused(&a, "is damaged at byte 512"), "a wrong checksum");
    static const char *const sizes[] = {"9999", "12x", "-1", "x"};
    for (size_t i = 0; i < 4; i++) {
        a.size = 0;
        h = member_header(&a, '0', "a", 1);
        memset(h + 124, 0, 12);
        memcpy(h + 124, sizes[i], strlen(sizes[i]));
        member_sum(h);
        member_end(&a);
        OK(refused(&a, "size that is none"), "size '%s'", sizes[i]);
    }
    for (int first = 0x80; first <= 0xff; first += 0x7f) {
        a.size = 0;
        h = member_header(&a, '0', "a", 1);
        memset(h + 124, 0xff, 12);
        h[124] = (unsigned char)first;
        member_sum(h);
        OK(refused(&a, "size that is none"), "a binary size out of all bounds, %d", first);
    }
    a.size = 0;
    h = member_header(&a, '0', "a", 0);
    memcpy(h + 124, "77777777777", 12);
    member_sum(h);
    member_end(&a);
    OK(refused(&a, "cut short"), "a size beyond the file");
    static const char *const pax[] = {"0\n", "x path=a\n", "7 path=a\n", "9999 path=a\n",
        "6 path\n", "8 path=\n", "9 path=a", "11 size=1x\n", "8 size=\n", "99999999999 path=a\n",
        "40 size=99999999999999999999999999999999\n", "30 size=110680464442257309596\n",
        "30 size=110680464442257308672\n"};
    for (size_t i = 0; i < sizeof pax / sizeof *pax; i++) {
        a.size = 0;
        member_add(&a, 'x', "pax", pax[i], strlen(pax[i]));
        member_add(&a, '0', "a", "1", 1);
        member_end(&a);
        OK(refused(&a, "at byte"), "pax header %zu", i);
    }
    a.size = 0;
    member_add(&a, 'x', "pax", "10 path=\0\n", 10);
    OK(refused(&a, "name that is none"), "a name with a NUL");
    a.size = 0;
    member_header(&a, 'L', "long", 1 << 20);
    OK(refused(&a, "extended header of 1048576 bytes"), "a name that is too long");
    a.size = 0;
    member_add(&a, 'L', "long", "name", 5);
    member_end(&a);
    OK(refused(&a, "cut short"), "a long name of nothing");
    bytes_free(&a);
}

/* An archive by GNU tar: every prefix and every flipped byte of it. */
static void check_hostile(void)
{
    char command[600];
    struct bytes a = {0};
    snprintf(command, sizeof command,
        "cd %s && mkdir -p in/%060d/%060d && printf 123 >in/a.jpg && printf 4 >in/%060d/%060d/b.jpg"
        " && ln -s a.jpg in/link && tar --format=%%s --sort=name -cf %s in && rm -r in",
        folder, 1, 2, 1, 2, path);
    static const char *const formats[] = {"ustar", "pax", "gnu"};
    for (int f = 0; f < 3; f++) {
        char with_format[700];
        snprintf(with_format, sizeof with_format, command, formats[f]);
        OK(system(with_format) == 0, "an archive by tar in format %s", formats[f]);
        bytes_free(&a);
        a = load(path);
        const struct listing whole = list(&a, false);
        OK(whole.members == 2 && whole.others == 1 && strstr(whole.text, "2/b.jpg:4|") != NULL &&
                strstr(whole.text, "in/a.jpg:123|") != NULL && whole.err.status == ERR_NONE,
            "is read");
        size_t end = a.size;
        while (a.data[end - 1] == 0)
            end--;
        end = (end + 511) / 512 * 512;
        int good = 1;
        const size_t size = a.size;
        for (a.size = 0; a.size <= end; a.size += a.size % 512 == 511 ? 1 : 73) {
            if (a.size % 512 > 439)
                a.size += 511 - a.size % 512;
            const struct listing cut = list(&a, a.size % 2 == 1);
            good = good && cut.err.status == ERR_INPUT && cut.members <= 2;
        }
        OK(good, "no part of it passes for the whole");
        a.size = size;
        good = 1;
        for (size_t i = 0; i < end; i++) {
            a.data[i] ^= (unsigned char)(1 << i % 8);
            const struct listing other = list(&a, i % 2);
            good = good && (other.err.status == ERR_NONE || other.err.status == ERR_INPUT);
            a.data[i] ^= (unsigned char)(1 << i % 8);
        }
        OK(good, "flipped bytes are refused or give something");
    }
    bytes_free(&a);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/x.tar", folder);
    check_kinds();
    check_extended();
    check_ends();
    check_damage();
    check_hostile();
    OK(unlink(path) == 0 && rmdir(folder) == 0, "nothing is left behind");
    return tap_done();
}
