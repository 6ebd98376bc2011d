/* npy -- headers in all their forms, labels beside, and what is refused.
 * SPDX-License-Identifier: MIT */
#include "formats/npy.h"

#include "tests/unit/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned char file[1 << 17];
static size_t size;

/* A file of this version, literal and data of so many bytes: 0, 1, 2, ... */
static const char *put(const char *name, int version, const char *literal, size_t data)
{
    const size_t length = strlen(literal), first = version == 1 ? 10 : 12;
    memset(file, 0, sizeof file);
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    for (size_t i = 8; i < first; i++)
        file[i] = (unsigned char)(length >> 8 * (i - 8));
    memcpy(file + first, literal, length);
    for (size_t i = 0; i < data; i++)
        file[first + length + i] = (unsigned char)i;
    size = first + length + data;
    remove(name);
    FILE *const out = fopen(name, "wb");
    fwrite(file, 1, size, out);
    fclose(out);
    return name;
}

static int refused(const char *path, int status, const char *why)
{
    struct npy npy;
    struct err err = {0};
    const int got = npy_open(&npy, path, &err);
    const int good =
        got < 0 && (int)err.status == status && strstr(err.text, why) != NULL && npy.fd == -1;
    if (!good)
        printf("# %d %d '%s'\n", got, err.status, err.text);
    if (got == 0)
        npy_close(&npy);
    return good;
}

static int opens(const char *path, int64_t count, int height, int width, int channels)
{
    struct npy npy;
    struct err err = {0};
    if (npy_open(&npy, path, &err) < 0) {
        printf("# %d '%s'\n", err.status, err.text);
        return 0;
    }
    const int good = npy.count == count && npy.height == height && npy.width == width &&
                     npy.channels == channels &&
                     npy.at == (int64_t)size - count * height * width * channels;
    npy_close(&npy);
    return good;
}

static void check_headers(void)
{
    OK(opens(put("a.npy", 1,
                 "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 4, 3), }  \n", 72),
           2, 3, 4, 3),
        "as numpy writes it");
    OK(opens(put("a.npy", 2, "{\"shape\":(2,3,4,),\"descr\":\"|u1\",\"fortran_order\":False}", 24),
           2, 3, 4, 1),
        "version 2, other quotes, another order");
    OK(opens(
           put("a.npy", 3,
               " { 'descr' : '|u1' , 'fortran_order' : False , 'shape' : ( 1 , 1 , 1 , 1 ) } ", 1),
           1, 1, 1, 1),
        "version 3, blanks");
    static const char *const bad[] = {"", "{", "{}", "None",
        "{'descr': '|u1', 'fortran_order': False}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1)} x",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1)",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1), 'shape': (1, 1, 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1), 'more': 1}",
        "{'descr': '|u1', 'fortran_order': 0, 'shape': (1, 1, 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, -1, 1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': [1, 1, 1]}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1111111111111111111)}",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}",
        "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1, 1, 1)}",
        "{'descr': '|u1, 'fortran_order': False, 'shape': (1, 1, 1)}",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (1, 1, 1)}",
        "{'descr' '|u1', 'fortran_order': False, 'shape': (1, 1, 1)}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        OK(refused(put("a.npy", 1, bad[i], 2), ERR_INPUT, "'a.npy' "), "damaged: %s", bad[i]);
}

static void check_refused(void)
{
    OK(refused("none.npy", ERR_MISUSE, "No such file"), "a missing file");
    OK(refused(put("a.npy", 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1)}", 4),
           ERR_MISUSE, "type '<f4'"),
        "floats");
    OK(refused(put("a.npy", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1, 1)}", 1),
           ERR_MISUSE, "Fortran"),
        "Fortran order");
    static const char *const shapes[] = {"()", "(3,)", "(3, 3)", "(3, 3, 3, 2)", "(3, 3, 3, 3, 3)"};
    for (size_t i = 0; i < 5; i++) {
        char literal[100];
        snprintf(literal, sizeof literal, "{'descr': '|u1', 'fortran_order': False, 'shape': %s}",
            shapes[i]);
        OK(refused(put("a.npy", 1, literal, 1), ERR_MISUSE, "no pictures"), "shape %s", shapes[i]);
    }
    OK(refused(put("a.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (0, 1, 1)}", 0),
           ERR_INPUT, "has no pictures"),
        "an empty array");
    OK(refused(put("a.npy", 1,
                   "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 60000, 60000)}", 0),
           ERR_INPUT, "too large"),
        "too large");
    OK(refused(
           put("a.npy", 1,
               "{'descr': '|u1', 'fortran_order': False, 'shape': (999999999999999999, 999, 999)}",
               9),
           ERR_INPUT, "shorter"),
        "a claim beyond all bounds");
    OK(refused(put("a.npy", 4, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1)}", 1),
           ERR_INPUT, "version 4.0"),
        "an unknown version");
    put("a.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3)}", 12);
    int good = 1;
    for (size_t cut = size; cut-- > 0 && good;)
        good = truncate("a.npy", (off_t)cut) == 0 && refused("a.npy", ERR_INPUT, "'a.npy' ");
    OK(good, "every proper prefix is refused");
    put("a.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3)}", 13);
    OK(refused("a.npy", ERR_INPUT, "longer"), "a byte too many");
}

/* Labels of three pictures, of this type and bytes an element; the first bytes are the data. */
static int with_labels(const char *name, const char *type, int bytes, const char *data)
{
    char literal[100];
    snprintf(
        literal, sizeof literal, "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }", type);
    put(name, 1, literal, 0);
    FILE *const out = fopen(name, "ab");
    fwrite(data, 1, (size_t)bytes * 3, out);
    fclose(out);
    return 1;
}

static void check_labels(void)
{
    struct npy npy;
    struct err err = {0};
    static const struct {
        const char *type;
        int bytes;
        const char *data;
    } good[] = {
        {"|u1", 1, "\2\0\7"},
        {"|i1", 1, "\2\0\7"},
        {"<u2", 2, "\2\0\0\0\7\0"},
        {"<i4", 4, "\2\0\0\0\0\0\0\0\7\0\0\0"},
        {"<i8", 8, "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        put("b.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 1)}", 3);
        with_labels(
            i % 2 ? "b.labels.npy" : "b-labels.npy", good[i].type, good[i].bytes, good[i].data);
        OK(npy_open(&npy, "b.npy", &err) == 0 && npy.label != NULL && npy.label[0] == 2 &&
                npy.label[1] == 0 && npy.label[2] == 7 && npy.classes.count == 8,
            "labels of type %s %s", good[i].type, err.text);
        npy_close(&npy);
        remove("b.labels.npy");
        remove("b-labels.npy");
    }
    with_labels("b.labels.npy", "<i2", 2, "\xff\xff\0\0\1\1");
    OK(npy_open(&npy, "b.npy", &err) == 0 && npy.label[0] == -1 && npy.label[2] == 257,
        "no label is -1");
    npy_close(&npy);
    with_labels("b.labels.npy", "|i1", 1, "\xfe\0\0");
    OK(refused("b.npy", ERR_INPUT, "label -2"), "a label that is none");
    with_labels(
        "b.labels.npy", "<u8", 8, "\377\377\377\377\377\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    OK(refused("b.npy", ERR_INPUT, "label -1"), "a label of u8 beyond all bounds");
    with_labels("b.labels.npy", "<u4", 4, "\377\377\377\377\0\0\0\0\0\0\0");
    OK(refused("b.npy", ERR_INPUT, "label 4294967295"), "a label that is too large");
    with_labels("b.labels.npy", ">i2", 2, "\0\0\0\0\0\0");
    OK(refused("b.npy", ERR_MISUSE, "type '>i2'"), "big-endian labels");
    with_labels("b.labels.npy", "<f4", 4, "\0\0\0\0\0\0\0\0\0\0\0");
    OK(refused("b.npy", ERR_MISUSE, "type '<f4'"), "labels of floats");
    put("b.labels.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", 2);
    OK(refused("b.npy", ERR_INPUT, "2 labels for 3 pictures"), "too few labels");
    put("b.labels.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", 2);
    OK(refused("b.npy", ERR_INPUT, "'b.labels.npy' is shorter"), "labels cut short");
    put("b.labels.npy", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1)}", 3);
    OK(refused("b.npy", ERR_MISUSE, "holds no labels"), "labels of two dimensions");
}

int main(void)
{
    char root[] = "/tmp/npy.XXXXXX", command[60];
    if (mkdtemp(root) == NULL || chdir(root) < 0)
        return 1;
    check_headers();
    check_refused();
    check_labels();
    snprintf(command, sizeof command, "rm -r %s", root);
    OK(chdir("/") == 0 && system(command) == 0, "nothing is left behind");
    return tap_done();
}
