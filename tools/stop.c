/* stop -- a first SIGTERM or SIGINT that only asks, and a second that ends at once.
 * SPDX-License-Identifier: MIT */
#include "tools/stop.h"

#include "tools/die.h"

#include <stddef.h>

volatile sig_atomic_t stop_requested;

static void on_signal(int signal_number)
{
    if (stop_requested != 0)
        die_signal(signal_number);
    stop_requested = signal_number;
}

void stop_defer(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t both;
    sigemptyset(&action.sa_mask);
    sigemptyset(&both);
    sigaddset(&both, SIGTERM);
    sigaddset(&both, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &both, NULL);
}

void stop_restore(void)
{
    signal(SIGTERM, die_signal);
    signal(SIGINT, die_signal);
    if (stop_requested != 0)
        raise(stop_requested);
}
