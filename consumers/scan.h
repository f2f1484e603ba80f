/* scan.h - what an input wants of a message, in one pass over its bytes and without a document: for messages as nearly
 * all are.
 *
 * It takes only what it has seen to be one whole JSON object, in valid UTF-8, with nothing unusual in it, and finds in
 * it exactly what json_read and mapping_find would find. For anything else it says no, whether it is wrong or only
 * unusual (scan.c lists it), and the message goes that way, which alone knows what is wrong and how to say it.
 *
 * Thread: one a scanner. Memory: scanner_init to scanner_fini; what scan_find gives lives until the next one. Errors: none.
 */
#pragma once
#include "consumers/mapping.h"

/* So many bytes behind a text that scan_find gives may be read. */
enum { SCAN_SLACK = 64 };

struct scanner {
    char *bytes; /* of the message, and SCAN_SLACK zeros */
    size_t room;
};

void scanner_init(struct scanner *s, size_t size_max);
void scanner_fini(struct scanner *s);

/* False: it is for json_read; *out is undefined then. O(bytes). */
MUST_CHECK bool scan_find(struct scanner *s, struct mapping *m, struct text value, struct mapped *out);
