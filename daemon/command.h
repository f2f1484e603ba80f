/* command.h - the commands of the one binary. Each is a file of its own, daemon/cmd_<name>.c.
 *
 * A command gets its own arguments, argv[0] being its name, and gives the exit status: 0, 1 (what was asked
 * for failed), or one of <sysexits.h>: EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, EX_SOFTWARE, EX_CONFIG.
 * Data goes to standard output, talk to standard error.
 * Thread: main's.
 */
#pragma once

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_checkpoint(int argc, char **argv);
int cmd_dead_letters(int argc, char **argv);
