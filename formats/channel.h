/* channel.h -- one end of a pipe, FIFO or file, opened and used so that nobody waits for the dead.
 *
 * A plain open() of a FIFO waits for ever for a stage that failed before it opened its end. So a
 * channel opens FIFOs without blocking, polls before it reads, and while it waits looks at a second
 * descriptor, the watch: the other end of the same conversation. Someone who waits for a gradient
 * watches his own stdout (its reader gone: nobody will answer); someone who waits to send one
 * watches his stdin (its writer gone: nobody will read).
 *
 * Files are written as FILE.part and renamed by channel_finish(); an existing FIFO, device or
 * /dev/fd/N is written in place.
 *
 * Errors: ERR_MISUSE when a file cannot be opened, ERR_FAILED for I/O, ERR_READER_GONE for EPIPE
 * or when the watch says that the peer is gone.
 * SPDX-License-Identifier: MIT */
#ifndef CHANNEL_H
#define CHANNEL_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct channel;

/* Called once when a channel has waited 10 s for its first peer: `what` is a finished sentence
 * ("waits for a writer of 'gh'"). May be NULL. */
typedef void channel_notice(const char *what);

/* Open for reading; NULL or "-" is standard input. A FIFO is opened without waiting for a writer.
 * `name` inside messages is the path, or "standard input". */
struct channel *channel_open(const char *path, struct err *err);

/* Open for writing; NULL or "-" is standard output. A FIFO is opened at the first write (trying
 * again while it has no reader); a regular file as FILE.part, in place of an older one. What another
 * process is writing so is refused. */
struct channel *channel_create(const char *path, struct err *err);

void channel_set_notice(struct channel *channel, channel_notice *notice);

/* While waiting, look at descriptor `fd` too. A reading channel takes a POLLERR on `fd` (a stdout
 * whose reader has left), a writing channel a POLLHUP without POLLIN (a stdin whose writer has
 * left), for the end of the conversation: after half a second of grace without data of its own, it
 * fails with ERR_READER_GONE. A writing channel looks only while its FIFO has no reader yet; later
 * EPIPE tells. -1 watches nothing. */
void channel_watch(struct channel *channel, int fd);

/* A descriptor that makes channel_read() return early with -1 and ERR_STOPPED once it is readable
 * (the read end of a signal pipe); bytes that are there already are still handed out. -1: none. */
void channel_interrupt(struct channel *channel, int fd);

/* 1 .. size bytes; 0 at the end of input; -1. Waits by poll(), never in read(). */
ssize_t channel_read(struct channel *channel, void *buffer, size_t size, struct err *err);

/* The first bytes of the input, at most 16, without taking them: as many as there are before the
 * end of input; -1. Before the first read only. */
ssize_t channel_peek(struct channel *channel, void *buffer, size_t size, struct err *err);

/* Take one more piece of the input ahead, without taking it away. Returns how many bytes are ahead
 * by now, at `bytes` until the next call: no more than before at the end of input, or when there
 * are CHANNEL_AHEAD; -1. Before the first read only. */
enum { CHANNEL_AHEAD = 1 << 17 };
ssize_t channel_more(struct channel *channel, const unsigned char **bytes, struct err *err);

/* All of it, or -1. */
int channel_write(struct channel *channel, const void *data, size_t size, struct err *err);

/* What was written to a regular file stays there when the power fails; of anything else that may be. */
int channel_sync(struct channel *channel, struct err *err);

/* Writing: everything is in its place (close checked, FILE.part synced and renamed). Reading:
 * closed. Frees the channel in every case. */
int channel_finish(struct channel *channel, struct err *err);

/* Give up: close, remove FILE.part, free. NULL is fine. */
void channel_abandon(struct channel *channel);

/* Seconds spent so far in reading, or in writing: waiting for the other end, or for a disk. Asked for
 * by the thread that reads or writes. */
double channel_waited(const struct channel *channel);

const char *channel_name(const struct channel *channel); /* for messages, without quotes */
const char *channel_part(const struct channel *channel); /* FILE.part, or NULL */
int channel_fd(const struct channel *channel);           /* -1 before a FIFO's first write */
bool channel_terminal(const struct channel *channel);

#endif
