/* fail -- malloc, read, write and the like that fail at the Nth call, for tests/inject/inject.bats.
 *
 * A shared library that the tools are linked with ahead of libc (make inject). The environment says
 * what fails; without it everything passes through:
 *
 *     FAIL_CALL=malloc   malloc, calloc, realloc, posix_memalign, aligned_alloc: no memory
 *               read     read, pread: EIO             short_read   one byte only
 *               write    write: ENOSPC                short_write  one byte only
 *               fsync    fsync: EIO                   rename       rename: ENOSPC
 *     FAIL_NUMBER=N      the Nth such call, counted from 1
 *     FAIL_ONWARD=1      and all after it
 *     FAIL_MARK=FILE     made when the first call fails, so that a test knows that there was one
 *
 * Counting begins when the program itself first allocates: what loaders and constructors do before
 * that is not its business. Nor is memory that BLAS, oneDNN and the C++ and OpenMP run-times take.
 * Writes to stderr are let through, for the message must arrive.
 * SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr, __libc_malloc */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What glibc calls its own. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

enum call { NONE, MALLOC, READ, SHORT_READ, WRITE, SHORT_WRITE, FSYNC, RENAME, CALLS };

static enum call failing; /* NONE before the constructor has run */
static long number;
static bool onward;
static const char *mark;
static void *program; /* where the executable is loaded */
static atomic_bool started;
static atomic_long calls;

__attribute__((constructor)) static void prepare(void)
{
    static const char *const names[CALLS] = {
        "none", "malloc", "read", "short_read", "write", "short_write", "fsync", "rename"};
    const char *const call = getenv("FAIL_CALL"), *const n = getenv("FAIL_NUMBER");
    Dl_info info;
    if (call == NULL || n == NULL || dladdr((void *)getauxval(AT_ENTRY), &info) == 0)
        return;
    program = info.dli_fbase;
    number = atol(n);
    onward = getenv("FAIL_ONWARD") != NULL;
    mark = getenv("FAIL_MARK");
    for (enum call i = NONE; i < CALLS; i++)
        if (strcmp(call, names[i]) == 0)
            failing = i;
}

/* Is a call from this address one of those that count? */
static bool counts(const void *caller)
{
    static const char *const others[] = {"dnnl", "openblas", "gomp", "stdc++", "ld-linux"};
    Dl_info info;
    if (dladdr(caller, &info) == 0)
        return false;
    if (info.dli_fbase == program)
        atomic_store(&started, true);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strstr(info.dli_fname, others[i]) != NULL)
            return false;
    return atomic_load(&started);
}

/* Shall this call fail? */
static bool strikes(enum call call, const void *caller)
{
    if (failing != call || !counts(caller))
        return false;
    const long now = atomic_fetch_add(&calls, 1) + 1;
    if (now < number || (now > number && !onward))
        return false;
    if (now == number && mark != NULL)
        syscall(SYS_close, syscall(SYS_openat, AT_FDCWD, mark, O_CREAT | O_WRONLY, 0600));
    return true;
}

#define STRIKES(call) strikes(call, __builtin_return_address(0))

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return STRIKES(MALLOC) ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return STRIKES(MALLOC) ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return STRIKES(MALLOC) ? no_memory() : __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return STRIKES(MALLOC) ? no_memory() : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *const memory = STRIKES(MALLOC) ? NULL : __libc_memalign(alignment, size);
    if (memory == NULL)
        return ENOMEM;
    *out = memory;
    return 0;
}

static int fail_with(int number_of_error)
{
    errno = number_of_error;
    return -1;
}

ssize_t read(int fd, void *buffer, size_t size)
{
    if (STRIKES(READ))
        return fail_with(EIO);
    return syscall(SYS_read, fd, buffer, size > 1 && STRIKES(SHORT_READ) ? 1 : size);
}

ssize_t pread(int fd, void *buffer, size_t size, off_t at)
{
    if (STRIKES(READ))
        return fail_with(EIO);
    return syscall(SYS_pread64, fd, buffer, size > 1 && STRIKES(SHORT_READ) ? 1 : size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fd != STDERR_FILENO && STRIKES(WRITE))
        return fail_with(ENOSPC);
    const bool little = fd != STDERR_FILENO && size > 1 && STRIKES(SHORT_WRITE);
    return syscall(SYS_write, fd, data, little ? 1 : size);
}

int fsync(int fd)
{
    return STRIKES(FSYNC) ? fail_with(EIO) : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return STRIKES(RENAME) ? fail_with(ENOSPC) : (int)syscall(SYS_rename, from, to);
}
