/* config_file.h - the configuration as a command gets it: read, its problems told, its calendar made.
 *
 * Thread: main's, before any other exists. Memory: the caller destroys what it gets.
 * Errors: NULL, after every problem was told on standard error; the command ends with EX_CONFIG.
 */
#pragma once
#include "base/calendar.h"
#include "config/config.h"

/* path NULL: everything at its default. */
struct config *config_file_load(const char *command, const char *path);
struct calendar *config_file_calendar(const char *command, const struct config *c);
