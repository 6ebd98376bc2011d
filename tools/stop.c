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
    stop_requested = 1;
}

void stop_defer(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}
