/* roster.h -- what the rows of a set are called, one after another.
 *
 * A name is any bytes; memory grows with what arrives. Start with a zeroed struct.
 * SPDX-License-Identifier: MIT */
#ifndef ROSTER_H
#define ROSTER_H

#include "formats/stream.h"
#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct roster {
    int rows;
    char *text;   /* all names, without separators */
    size_t *end;  /* [rows] where each ends in it */
    size_t bytes; /* of text that there is memory for */
    int room;     /* ends that there is memory for */
};

/* Append a name. Errors: ERR_FAILED memory; the roster is as it was. */
int roster_add(struct roster *roster, const void *name, size_t size, struct err *err);

/* Append what row `row` of a record is called: its `name`, if the stream has ragged names and this
 * one is not empty, else its id in decimal. */
int roster_take(struct roster *roster, const struct header *header, const struct record *record,
    int row, int64_t id, struct err *err);

/* The bytes of a name and their number. */
const char *roster_name(const struct roster *roster, int row, size_t *size);

/* Write a name as one field of a table: tab, newline, carriage return, NUL and backslash as
 * \t \n \r \0 \\. */
void roster_print(FILE *out, const struct roster *roster, int row);

void roster_clear(struct roster *roster); /* of rows; the memory stays */
void roster_free(struct roster *roster);

#endif
