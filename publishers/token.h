/* token.h - names one claim, or one process' leases: 128 random bits as hex digits, so that no two are alike.
 *
 * Thread: any. Memory: the caller's.
 */
#pragma once

#define TOKEN_SIZE 33 /* with a zero */

void token_make(char token[TOKEN_SIZE]);
