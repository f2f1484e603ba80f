/* wake.h - an eventfd as a bell between two threads: rung any number of times, heard once.
 *
 * Belongs to ring.c and handoff.c; it orders nothing by itself.
 * Thread: any. Errors: a system without eventfd ends the process.
 */
#pragma once

int wake_open(void); /* close(2) when done */
void wake_send(int fd);
/* Sleeps until rung (before or during), a signal comes, or the time is over (< 0: never); forgets the ring. */
void wake_wait(int fd, int timeout_ms);
