/* member.h -- tar archives made by hand: headers that are right, or wrong on purpose.
 *
 *     struct bytes a = {0};
 *     member_add(&a, '0', "a.jpg", "picture", 7);
 *     member_end(&a);
 * SPDX-License-Identifier: MIT */
#ifndef MEMBER_H
#define MEMBER_H

#include "formats/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zeroed room behind what is there. */
__attribute__((unused)) static unsigned char *member_room(struct bytes *a, size_t size)
{
    struct err err = {0};
    unsigned char *const room = bytes_room(a, size, &err);
    if (room == NULL)
        abort();
    memset(room, 0, size);
    a->size += size;
    return room;
}

/* Write the checksum that the header should have. */
__attribute__((unused)) static void member_sum(unsigned char *header)
{
    unsigned sum = 8 * ' ';
    for (int i = 0; i < 512; i++)
        sum += i >= 148 && i < 156 ? 0 : header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
    header[155] = ' ';
}

/* A ustar header; returns where it is, until the next call. */
__attribute__((unused)) static unsigned char *member_header(
    struct bytes *a, char type, const char *name, size_t size)
{
    unsigned char *const h = member_room(a, 512);
    memcpy(h, name, strlen(name) < 100 ? strlen(name) : 100);
    memcpy(h + 100, "0000644\0000000000\0000000000", 24);
    snprintf((char *)h + 124, 12, "%011o", (unsigned)size);
    memcpy(h + 136, "00000000000", 12);
    h[156] = (unsigned char)type;
    memcpy(h + 257, "ustar\00000", 8);
    member_sum(h);
    return h;
}

__attribute__((unused)) static void member_data(struct bytes *a, const void *data, size_t size)
{
    unsigned char *const room = member_room(a, (size + 511) / 512 * 512);
    if (size > 0)
        memcpy(room, data, size);
}

__attribute__((unused)) static void member_add(
    struct bytes *a, char type, const char *name, const void *data, size_t size)
{
    member_header(a, type, name, size);
    member_data(a, data, size);
}

__attribute__((unused)) static void member_end(struct bytes *a)
{
    member_room(a, 1024);
}

__attribute__((unused)) static void member_write(const char *path, const void *data, size_t size)
{
    remove(path); /* a file system may write a file to its disk that is cut and written anew */
    FILE *const out = fopen(path, "wb");
    if (out == NULL || fwrite(data, 1, size, out) != size || fclose(out) != 0)
        abort();
}

#endif
