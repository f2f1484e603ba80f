/* letter_text.h - a dead letter as a line of JSON: what `kpid dead-letters list` prints, and `resend` reads again.
 *
 *     {"topic":"deals","partition":1,"offset":17,"reason":"unknown_currency","detail":"currency",
 *      "timestamp":1700000000000,"key":"d1","value":"{\"deal_id\":\"d1\",\"currency\":\"EURO\"}","headers":{"trace":"t1"}}
 *
 * key and value are texts; bytes that are not UTF-8 stand as key_base64, value_base64. A value that the dead-letter
 * topic did not take is absent, with its "size" and "hash" instead. When read, a value may also be written as a JSON
 * object, which is then sent as it is written, numbers digit by digit.
 *
 * Thread: one a letter. Memory: a letter borrows; see the functions.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stdint.h>
#include <yyjson.h>

enum { LETTER_HEADERS_MAX = 64 };

struct letter_header {
    struct text name, value; /* value.at == NULL: none */
};

struct letter {
    struct text topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* negative: none */
    struct text reason, detail;
    struct text key, value;                           /* at == NULL: none */
    bool left_out;                                    /* the value was too large for the dead-letter topic: */
    int64_t size;                                     /* its bytes, */
    struct text hash;                                 /* and what they hash to */
    struct letter_header headers[LETTER_HEADERS_MAX]; /* of the message, without kpid's */
    unsigned header_count;
};

/* One line, without its end. */
void letter_format(struct buffer *b, const struct letter *l);

/* What a letter that was read from a line borrows. */
struct letter_memory {
    yyjson_doc *doc;
    char *owned[LETTER_HEADERS_MAX + 2];
    unsigned owned_count;
};

/* NULL, or what is wrong with the line. The letter lives until letter_memory_fini, which accepts a failed one. */
const char *letter_parse(struct text line, struct letter *out, struct letter_memory *memory);
void letter_memory_fini(struct letter_memory *memory);
