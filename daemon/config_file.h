/* config_file.h - the configuration as a command gets it: read, its problems told, its calendar made.
 *
 * Thread: main's, before any other exists. Memory: the caller destroys what it gets.
 * Errors: NULL, after every problem was told on standard error; the command ends with EX_CONFIG.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"
#include <stdbool.h>

/* path NULL: $KPID_CONFIG, else /etc/kpid/kpid.yaml, else everything at its default. A command that connects to
 * nobody does without the secrets, which may not be at hand. */
struct config *config_file_load(const char *command, const char *path, bool with_secrets);
struct calendar *config_file_calendar(const char *command, const struct config *c);
