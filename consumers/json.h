/* json.h - one JSON object read into memory that was set aside at the start; numbers stay as they are written.
 *
 * Thread: one a reader. Memory: about 12 bytes for each byte of the largest value, reserved by json_reader_init
 * and only touched as values need it. What json_read gives lives until the next one. Errors: values of enum error;
 * json_problem says more.
 */
#pragma once
#include "base/error.h"
#include "base/text.h"
#include <stddef.h>
#include <yyjson.h>

/* The object itself is level 1; a value on a level beyond this is refused. */
enum { JSON_DEPTH_MAX = 64 };

struct json_reader {
    void *pool;
    size_t pool_size, size_max;
    yyjson_read_err error;
};

void json_reader_init(struct json_reader *r, size_t size_max);
void json_reader_fini(struct json_reader *r);

/* The object in `value`. BAD_SIZE: longer than size_max. BAD_UTF8, BAD_JSON: cannot be read, or is no object.
 * How deep it is nested is looked at by json_too_deep. */
MUST_CHECK enum error json_read(struct json_reader *r, struct text value, yyjson_val **out_root);
/* What json_read stumbled over, "" where it did not, and at which byte. */
const char *json_problem(const struct json_reader *r, size_t *out_at);

/* Whether a value that stands on level `level` of its document reaches beyond JSON_DEPTH_MAX. O(values in it). */
bool json_too_deep(yyjson_val *v, unsigned level);

/* A value of a message, whether it stands in the JSON, a header, the message's key or the configuration. */
enum value_type { VALUE_ABSENT, VALUE_NULL, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL, VALUE_NESTED };

struct value {
    uint8_t type;     /* enum value_type */
    bool outside;     /* not JSON, so a text may hold what JSON writes as a number or bool */
    bool plain;       /* TEXT: nothing but printable ASCII, as somebody has seen; false: not known */
    bool zero;        /* with it the four of them are one move */
    struct text text; /* TEXT: the characters; NUMBER, BOOL: as it is written in JSON */
};

/* A value that stands in the JSON. Inline, and values are passed by pointer: it is asked for each field of each message, and a
 * struct that is copied whole just after its parts were written waits for them. */
static inline struct value json_value(yyjson_val *v)
{
    switch (unsafe_yyjson_get_type(v)) {
    case YYJSON_TYPE_STR:
        return (struct value){.type = VALUE_TEXT, .text = {unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v)}};
    case YYJSON_TYPE_RAW:
        return (struct value){.type = VALUE_NUMBER, .text = {unsafe_yyjson_get_raw(v), unsafe_yyjson_get_len(v)}};
    case YYJSON_TYPE_NULL: return (struct value){.type = VALUE_NULL};
    case YYJSON_TYPE_BOOL:
        return (struct value){.type = VALUE_BOOL, .text = unsafe_yyjson_is_true(v) ? TEXT("true") : TEXT("false")};
    case YYJSON_TYPE_NONE: return (struct value){.type = VALUE_ABSENT};
    default: return (struct value){.type = VALUE_NESTED};
    }
}

/* A JSON Pointer (RFC 6901), taken apart. */
struct json_pointer {
    size_t count;
    struct text tokens[]; /* in the same memory */
};

/* The caller frees it. NULL: the text does not begin with '/' or has a bad escape. */
struct json_pointer *json_pointer_create(const char *text);
/* The index in an array that a token means, or -1. */
int64_t json_pointer_index(struct text token);
