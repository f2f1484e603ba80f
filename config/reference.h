/* reference.h - what the table of options says, written out: for people, for editors, for a file.
 *
 * Thread: any; pure. Memory: the caller's buffer. The files made from these are checked in, and
 * tests/config/test_reference.c tells when one is stale.
 */
#pragma once
#include "base/text.h"

/* Tables in Markdown, for docs/configuration.md. */
void reference_markdown(struct buffer *b);
/* A configuration file in which every default stands. */
void reference_defaults(struct buffer *b);
/* A JSON Schema (draft-07), for config/schema.json. */
void reference_schema(struct buffer *b);
