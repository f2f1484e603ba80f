/* notify.h - what the service manager is told: ready, status, alive, stopping. sd_notify(3).
 *
 * Without a service manager (no NOTIFY_SOCKET) every function does nothing.
 * Thread: any. Errors: none; a manager that cannot be reached will find out by itself.
 */
#pragma once
#include <stdint.h>

void notify_ready(void);
void notify_stopping(void);
/* One line for `systemctl status`. */
void notify_status(const char *line);
void notify_watchdog(void);
/* More time for the start or the stop, from now. */
void notify_extend(int64_t us);
/* How often the manager wants to hear notify_watchdog; 0 = not at all. */
int64_t notify_watchdog_us(void);
