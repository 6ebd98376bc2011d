/* helper -- work is done beside its owner, in order, and nothing of it gets lost.
 * SPDX-License-Identifier: MIT */
#include "lib/base/helper.h"

#include "tests/unit/tap.h"

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

enum { TIMES = 2000 };

static int done[TIMES], count;
static pthread_t owner;
static bool beside = true;

static void append(void *context)
{
    beside &= !pthread_equal(owner, pthread_self());
    done[count++] = *(int *)context;
}

/* Waits until its owner, who has started it, writes into the pipe. */
static void listen(void *context)
{
    char byte = 0;
    const int *const end = context;
    count = read(end[0], &byte, 1) == 1 && byte == 'x' ? 1 : -1;
}

int main(void)
{
    struct err err = {0};
    static int number[TIMES];
    int end[2];
    owner = pthread_self();
    struct helper *helper = helper_new(&err);
    if (helper == NULL || pipe(end) != 0)
        return 1;
    helper_wait(helper);
    OK(count == 0, "a helper without work does not keep its owner");

    for (int i = 0; i < TIMES; i++) {
        number[i] = i;
        helper_start(helper, append, &number[i]);
        if (i % 3 == 0)
            helper_wait(helper);
    }
    helper_wait(helper);
    bool order = count == TIMES;
    for (int i = 0; i < count; i++)
        order &= done[i] == i;
    OK(order, "all is done, in order");
    OK(beside, "in a thread of its own");

    helper_start(helper, listen, end);
    OK(write(end[1], "x", 1) == 1, "the owner goes on meanwhile");
    helper_wait(helper);
    OK(count == 1, "and what was done is seen after waiting");

    helper_start(helper, append, &number[7]);
    helper_free(helper);
    OK(count == 2 && done[1] == 7, "what was started is done before the helper is gone");
    helper_free(NULL);
    close(end[0]);
    close(end[1]);
    return tap_done();
}
