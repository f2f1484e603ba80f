/* process.h - which process this is, in a text that says more than a number that another one gets later, and
 * whether such a process has ended.
 *
 * The text names the start of the machine, the PID namespace, the number and the start of the process. Of another
 * machine, or of another namespace (a container), nothing can be known: those count as running.
 *
 * Thread: any. Memory: the caller's. Errors: where the system does not say, a process counts as running.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>

/* Appends it for this process: no spaces, below 100 bytes. */
void process_identity_format(struct buffer *out);
/* True only if that process ran here and runs no more (or is a zombie, which does nothing any more). */
bool process_has_ended(struct text identity);
