/* err.h -- how the library says what went wrong: a status and a finished sentence.
 *
 * A function that can fail takes a `struct err *` last and returns -1 or NULL after filling it. The
 * first error wins: a later one never overwrites it, so clean-up code may fail without harm. The
 * library never prints and never exits; tools hand the struct to die_err().
 *
 * The sentence is lower case, verb first, subject in single quotes, without a full stop:
 *     cannot open 'x.safetensors': No such file or directory
 * SPDX-License-Identifier: MIT */
#ifndef ERR_H
#define ERR_H

/* Exit statuses, the same in every tool. */
enum err_status {
    ERR_NONE = 0,
    ERR_FAILED = 1,       /* this tool failed: I/O, memory, a number that is not finite */
    ERR_MISUSE = 2,       /* wrong options or arguments; nothing was read or written */
    ERR_INPUT = 3,        /* input damaged, cut short, or of an unknown version */
    ERR_STOPPED = 75,     /* stopped by a signal with the state saved: run again */
    ERR_READER_GONE = 141 /* whoever read the output has left (128 + SIGPIPE) */
};

struct err {
    enum err_status status; /* ERR_NONE until something went wrong */
    char text[600];         /* the sentence */
    char hint[200];         /* a remedy, or empty */
};

/* Record an error unless one is there already. Always returns -1, so that callers can
 * `return err_set(err, ...)`. */
int err_set(struct err *err, enum err_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with status ERR_FAILED and ": " strerror(errno) at the end. */
int err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Out of memory while making room for `what`. */
int err_memory(struct err *err, const char *what);

/* Add a remedy to the error that is there; the first hint wins. Always returns -1. */
int err_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
