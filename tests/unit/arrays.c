/* arrays -- written and read again: types, texts, archives; and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/arrays.h"

#include "formats/arraysout.h"
#include "formats/codepoint.h"
#include "formats/zip.h"
#include "tests/unit/file.h"
#include "tests/unit/holding.h"

#include <unistd.h>
#include <zlib.h>

static void check_codepoints(void)
{
    int good = 1;
    for (uint32_t c = 1; c <= 0x10ffff && good; c++) {
        unsigned char text[4];
        uint32_t back = 0;
        const int size = codepoint_put(text, c), byte = c >= 0xdc80 && c <= 0xdcff;
        if (c >= 0xd800 && c < 0xe000 && !byte)
            good = size == 0;
        else
            good = size > 0 && codepoint_take(&back, text, (size_t)size) == size && back == c;
    }
    OK(good, "every character comes back, and no surrogate but those that are bytes");
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff",
        "\xe2\x82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t c = 0;
        OK(codepoint_take(&c, (const unsigned char *)bad[i], strlen(bad[i])) == 1 &&
                c == 0xdc00u + (unsigned char)bad[i][0],
            "no UTF-8: %zu", i);
    }
}

/* An array of these bytes as a file. */
static const char *put_array(
    const char *name, const char *type, const char *shape, const void *data, size_t bytes)
{
    char text[600];
    const int literal =
        sprintf(text + 10, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    memcpy(text, "\x93NUMPY\1\0", 8);
    text[8] = (char)literal;
    text[9] = 0;
    memcpy(text + 10 + literal, data, bytes);
    return holding_put(name, text, 10 + (size_t)literal + bytes);
}

static void check_types(void)
{
    static const double wide[] = {0.5, -2, 1e-3, 7};
    static const uint16_t half[] = {0x3c00, 0xc100, 0x0001, 0x7bff};
    static const uint8_t byte[] = {0, 1, 128, 255};
    OK(holding_is(put_array("a.npy", "<f8", "(2, 2)", wide, 32), NULL, 1, "h id ",
           "0 : 0.5 -2;1 : 0.00100000005 7;"),
        "double precision");
    OK(holding_is(put_array("a.npy", "<f2", "(1, 4)", half, 8), "z", 1, "z id ",
           "0 : 1 -2.5 5.96046448e-08 65504;"),
        "half precision");
    OK(holding_is(put_array("a.npy", "|u1", "(2, 1, 2)", byte, 4), NULL, 9, "h id ",
           "0 : 0 1;1 : 128 255;"),
        "bytes of two extents");
    put_array("a.labels.npy", "|i1", "(2,)", "\xff\x07", 2);
    put_array("a.names.npy", "<U2", "(2,)", "a\0\0\0\xe4\0\0\0b\0\0\0\0\0\0", 16);
    OK(holding_is("a.npy", NULL, 9, "h label name id ", "-1 0 a\xc3\xa4: 0 1;7 1 b: 128 255;"),
        "labels and names beside");
    put_array("a.ids.npy", "<u2", "(2,)", "\1\1\2\0", 4);
    put_array("a.names.npy", "|S3", "(2,)", "abcd\0\0", 6);
    OK(holding_is("a.npy", NULL, 9, "h label id name ", "-1 257 abc: 0 1;7 2 d: 128 255;"),
        "ids, and names of bytes");
    put_array("a.names.npy", "<U1", "(2,)", "a\0\0\0\0\xd8\0\0", 8);
    OK(holding_refused("a.npy", "no Unicode"), "a surrogate");
    put_array("a.names.npy", "<U1", "(2,)", "a\0\0\0\0\0\x11\0", 8);
    OK(holding_refused("a.npy", "no Unicode"), "beyond Unicode");
    remove("a.names.npy");
    put_array("a.labels.npy", "<i4", "(1,)", "\1\0\0", 4);
    OK(holding_refused("a.npy", "not one label for each row"), "too few labels");
    put_array("a.labels.npy", "<f4", "(2,)", wide, 8);
    OK(holding_refused("a.npy", "no whole numbers"), "labels of floats");
    remove("a.labels.npy");
    remove("a.ids.npy");
    OK(holding_refused(put_array("a.npy", "<i8", "(2, 2)", wide, 32), "type '<i8'"), "integers");
    OK(holding_refused(put_array("a.npy", "<f4", "(2,)", wide, 8), "two extents"), "one extent");
    OK(holding_refused(put_array("a.npy", "<f4", "(2, 0)", wide, 0), "two extents"), "none");
    OK(holding_refused(put_array("a.npy", "<f4", "(2, 2)", wide, 12), "shorter"), "cut short");
    OK(holding_refused(put_array("a.npy", ">f4", "(2, 2)", wide, 16), "type '>f4'"), "big-endian");
}

/* ---- archives ------------------------------------------------------------------------------- */

static float h[6] = {1, 2, 3, 4, 5, 6};
static int64_t label[3] = {2, -1, 0}, offsets[4] = {0, 1, 1, 4};
static char name[] = "a\xff\xc3\xa4";

static void write_npz(const char *path)
{
    struct err err = {0};
    struct arraysout out;
    const int width = 2;
    struct field field[3] = {{.data = h}, {.data = label}, {.data = name, .offsets = offsets}};
    struct record record = {.parts = 1, .rows = 3, .field = field, .fields = 3};
    struct header *const header = header_new("features", &err);
    json_t *const dataset =
        json_pack("{s:i,s:[s,s,s]}", "classes", 3, "class_names", "x", "yy", "z");
    header_add(header, "h", DTYPE_F32, 1, &width, &err);
    header_add(header, "label", DTYPE_I64, 0, NULL, &err);
    header_add(header, "name", DTYPE_U8, -1, NULL, &err);
    header_set(header, "dataset", dataset, &err);
    struct channel *const channel = channel_create(path, &err);
    OK(arraysout_open(&out, header, 0, true, &err) == 0 && out.arrays == 4 &&
            arraysout_record(&out, header, &record, &err) == 0 &&
            arraysout_npz(&out, channel, &err) == 0 && channel_finish(channel, &err) == 0,
        "an archive is written");
    arraysout_close(&out);
    json_decref(dataset);
    header_free(header);
}

static const char *const columns = "h label name id ";
static const char *const rows = "2 0 a: 1 2;-1 1 : 3 4;0 2 \xff\xc3\xa4: 5 6;";

static void check_archive(void)
{
    write_npz("a.npz");
    OK(holding_is("a.npz", NULL, 2, columns, rows),
        "and read, bytes in a name that are no UTF-8 too");
    struct err err = {0};
    struct import import;
    struct channel *const channel = channel_open("a.npz", &err);
    OK(import_open(&import, IMPORT_NPZ, NULL, channel, NULL, 10, &err) == 0, "without its path");
    json_t *const dataset = header_get(import.header, "dataset");
    OK(strcmp(json_string_value(json_array_get(json_object_get(dataset, "class_names"), 1)),
           "yy") == 0,
        "names of classes");
    json_decref(dataset);
    import_close(&import);
    channel_abandon(channel);

    struct bytes file = load("a.npz");
    const size_t size = file.size;
    int good = 1;
    for (size_t cut = 4; cut < size && good; cut++)
        good = holding_refused(holding_put("b.npz", file.data, cut), "");
    OK(good, "every prefix is refused");
    int same = 0;
    for (size_t i = 0; i < size && good; i++) {
        file.data[i] ^= 0x11;
        const struct holding got = holding_read(holding_put("b.npz", file.data, size), NULL, 10);
        file.data[i] ^= 0x11;
        good = got.err.status == ERR_INPUT || strcmp(got.rows, rows) == 0 || got.left_out > 0 ||
               strstr(got.columns, "label") == NULL || strstr(got.columns, "name ") == NULL;
        same += strcmp(got.rows, rows) == 0;
    }
    OK(good && same < (int)size / 2,
        "a flipped byte is refused, or a name in the directory, or is padding");
    bytes_free(&file);
}

/* A member that is deflated, as numpy.savez_compressed makes it. */
static void check_deflated(void)
{
    struct err err = {0};
    struct bytes plain = {0}, packed = {0};
    put_array("a.npy", "<f4", "(3, 2)", h, sizeof h);
    plain = load("a.npy");
    z_stream z = {.next_in = plain.data, .avail_in = (uInt)plain.size};
    deflateInit2(&z, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    z.next_out = bytes_room(&packed, 1000, &err);
    z.avail_out = 1000;
    OK(deflate(&z, Z_FINISH) == Z_STREAM_END, "a member is packed");
    packed.size = 1000 - z.avail_out;
    deflateEnd(&z);
    struct channel *const channel = channel_create("d.npz", &err);
    struct zip_writer zip = {.channel = channel};
    zip_add(&zip, "arr_0.npy", (uint32_t)crc32(0, plain.data, (uInt)plain.size),
        (int64_t)packed.size, &err);
    channel_write(channel, packed.data, packed.size, &err);
    unsigned char *const entry = zip.directory.data; /* deflated, and its size unpacked */
    entry[10] = 8;
    entry[24] = (unsigned char)plain.size;
    entry[25] = (unsigned char)(plain.size >> 8);
    OK(zip_finish(&zip, &err) == 0 && channel_finish(channel, &err) == 0, "into an archive");
    OK(holding_is("d.npz", NULL, 9, "h id ", "0 : 1 2;1 : 3 4;2 : 5 6;"), "and unpacked");
    struct bytes file = load("d.npz");
    const size_t at = file.size - 22 - (46 + 9); /* the entry */
    file.data[at + 24]--;
    OK(holding_refused(holding_put("b.npz", file.data, file.size), "damaged"), "more than it says");
    file.data[at + 24] += 2;
    OK(holding_refused(holding_put("b.npz", file.data, file.size), "damaged"), "less than it says");
    file.data[at + 24]--;
    file.data[at + 16] ^= 1;
    OK(holding_refused(holding_put("b.npz", file.data, file.size), "damaged"), "another checksum");
    file.data[at + 16] ^= 1;
    file.data[at + 10] = 12;
    OK(holding_refused(holding_put("b.npz", file.data, file.size), "unknown method"), "bzip2");
    file.data[at + 8] = 1;
    OK(holding_refused(holding_put("b.npz", file.data, file.size), "encrypted"), "encrypted");
    bytes_free(&file);
    bytes_free(&plain);
    bytes_free(&packed);
}

int main(void)
{
    char root[] = "/tmp/arrays.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    check_codepoints();
    check_types();
    check_archive();
    check_deflated();
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
