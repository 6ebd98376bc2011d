/* die -- messages on stderr, clean-up, and the end of a tool.
 * SPDX-License-Identifier: MIT */
#include "tools/die.h"

#include "lib/base/text.h"

#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNLINKS = 8 };

static const char *tool = "simclr";
static const char *volatile unlinks[UNLINKS];

static void clean_up(void)
{
    for (int i = 0; i < UNLINKS; i++)
        if (unlinks[i] != NULL)
            unlink(unlinks[i]);
}

void die_signal(int signal_number)
{
    clean_up();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void die_init(const char *name)
{
    tool = name;
}

/* One line, one write: lines of several tools on one terminal do not mix. */
static void say(const char *prefix, const char *text)
{
    char line[1200];
    int length = snprintf(line, sizeof line - 1, "%s: %s%s", tool, prefix, text);
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    line[length] = '\0'; /* what is cut off may be half a character */
    text_clean(line);
    line[length++] = '\n';
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* nobody to tell */
}

void die(enum err_status status, const char *format, ...)
{
    struct err err = {.status = status};
    va_list list;
    va_start(list, format);
    vsnprintf(err.text, sizeof err.text, format, list);
    va_end(list);
    die_err(&err);
}

void die_err(const struct err *err)
{
    static atomic_flag dying = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&dying)) /* by another thread, which says why */
        pause();
    if (err->status != ERR_READER_GONE && err->text[0] != '\0') {
        say("", err->text);
        if (err->hint[0] != '\0')
            say("hint: ", err->hint);
    }
    clean_up();
    _exit(err->status == ERR_NONE ? ERR_FAILED : (int)err->status);
}

void warn(const char *format, ...)
{
    char text[1000];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    say("", text);
}

void warn_notice(const char *sentence)
{
    say("", sentence);
}

void die_unlink(const char *path)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    if (path == NULL)
        return;
    for (int i = 0; i < UNLINKS; i++) {
        if (unlinks[i] == NULL) {
            unlinks[i] = path;
            break;
        }
    }
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction now;
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
            signal(signals[i], die_signal);
    }
}

void die_keep(const char *path)
{
    for (int i = 0; i < UNLINKS; i++)
        if (path != NULL && unlinks[i] == path)
            unlinks[i] = NULL;
}
