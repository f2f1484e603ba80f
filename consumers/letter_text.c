#include "consumers/letter_text.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64_format(struct buffer *b, struct text t)
{
    const unsigned char *at = (const unsigned char *)t.at;
    for (size_t i = 0; i < t.len; i += 3) {
        size_t left = t.len - i;
        uint32_t bits = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0);
        buffer_char(b, alphabet[bits >> 18]);
        buffer_char(b, alphabet[bits >> 12 & 63]);
        buffer_char(b, left > 1 ? alphabet[bits >> 6 & 63] : '=');
        buffer_char(b, left > 2 ? alphabet[bits & 63] : '=');
    }
}

/* Into memory of at least len / 4 * 3 bytes. */
static bool base64_parse(struct text t, char *out, size_t *out_len)
{
    *out_len = 0;
    if (t.len % 4 != 0)
        return false;
    for (size_t i = 0; i < t.len; i += 4) {
        size_t padding = 0;
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; k++) {
            char c = t.at[i + k];
            const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
            if (c == '=' && i + 4 == t.len && k >= 2)
                padding++;
            else if (found == NULL || padding > 0)
                return false;
            bits = bits << 6 | (found != NULL ? (uint32_t)(found - alphabet) : 0);
        }
        for (size_t k = 0; k < 3 - padding; k++)
            out[(*out_len)++] = (char)(bits >> (16 - 8 * k) & 0xFF);
    }
    return true;
}

static void member_bytes(struct buffer *b, const char *name, struct text t)
{
    bool readable = t.at == NULL || text_is_utf8(t);
    buffer_format(b, ",\"%s%s\":", name, readable ? "" : "_base64");
    if (t.at == NULL) {
        buffer_string(b, "null");
    } else if (readable) {
        buffer_json(b, t);
    } else {
        buffer_char(b, '"');
        base64_format(b, t);
        buffer_char(b, '"');
    }
}

static void headers_format(struct buffer *b, const struct letter *l)
{
    buffer_string(b, ",\"headers\":{");
    for (unsigned i = 0; i < l->header_count; i++) {
        const struct letter_header *h = &l->headers[i];
        if (i > 0)
            buffer_char(b, ',');
        buffer_json(b, h->name);
        buffer_char(b, ':');
        if (h->value.at == NULL) {
            buffer_string(b, "null");
        } else if (text_is_utf8(h->value)) {
            buffer_json(b, h->value);
        } else {
            buffer_string(b, "{\"base64\":\"");
            base64_format(b, h->value);
            buffer_string(b, "\"}");
        }
    }
    buffer_char(b, '}');
}

void letter_format(struct buffer *b, const struct letter *l)
{
    buffer_string(b, "{\"topic\":");
    buffer_json(b, l->topic);
    buffer_format(b, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"reason\":", l->partition, l->offset);
    buffer_json(b, l->reason);
    if (l->detail.len > 0) {
        buffer_string(b, ",\"detail\":");
        buffer_json(b, l->detail);
    }
    if (l->timestamp_ms >= 0)
        buffer_format(b, ",\"timestamp\":%" PRId64, l->timestamp_ms);
    member_bytes(b, "key", l->key);
    if (l->left_out) {
        buffer_format(b, ",\"size\":%" PRId64 ",\"hash\":", l->size);
        buffer_json(b, l->hash);
    } else {
        member_bytes(b, "value", l->value);
    }
    if (l->header_count > 0)
        headers_format(b, l);
    buffer_char(b, '}');
}

static struct text string_of(yyjson_val *v)
{
    return yyjson_is_str(v) ? (struct text){yyjson_get_str(v), yyjson_get_len(v)} : (struct text){NULL, 0};
}

static struct text keep(struct letter_memory *memory, char *bytes, size_t len)
{
    memory->owned[memory->owned_count++] = bytes;
    return (struct text){bytes, len};
}

static bool bytes_of_base64(yyjson_val *v, struct letter_memory *memory, struct text *out)
{
    if (!yyjson_is_str(v))
        return false;
    size_t len;
    char *bytes = must_alloc(yyjson_get_len(v) + 1);
    bool good = base64_parse(string_of(v), bytes, &len);
    *out = keep(memory, bytes, len);
    return good;
}

/* A text, null or base64; a value may be an object too. */
static bool read_bytes(yyjson_val *root, const char *name, const char *base64_name, bool may_be_object,
                       struct letter_memory *memory, struct text *out)
{
    yyjson_val *v = yyjson_obj_get(root, name), *encoded = yyjson_obj_get(root, base64_name);
    *out = (struct text){NULL, 0};
    if (encoded != NULL)
        return v == NULL && bytes_of_base64(encoded, memory, out);
    if (yyjson_is_str(v)) {
        *out = string_of(v);
        return true;
    }
    if (may_be_object && yyjson_is_obj(v)) {
        size_t len;
        char *written = yyjson_val_write(v, 0, &len);
        if (written == NULL)
            return false;
        *out = keep(memory, written, len);
        return true;
    }
    return v == NULL || yyjson_is_null(v);
}

static bool read_integer(yyjson_val *root, const char *name, int64_t least, int64_t most, int64_t *out)
{
    yyjson_val *v = yyjson_obj_get(root, name);
    const char *digits = yyjson_get_raw(v); /* numbers are kept as they are written */
    char *end;
    if (digits == NULL)
        return false;
    *out = strtoll(digits, &end, 10);
    return end == digits + yyjson_get_len(v) && *out >= least && *out <= most;
}

static const char *read_headers(yyjson_val *root, struct letter *out, struct letter_memory *memory)
{
    yyjson_val *headers = yyjson_obj_get(root, "headers"), *key, *v;
    size_t i, count;
    if (headers != NULL && !yyjson_is_obj(headers))
        return "headers is no object";
    yyjson_obj_foreach(headers, i, count, key, v)
    {
        if (out->header_count == LETTER_HEADERS_MAX)
            return "there are more than 64 headers";
        struct letter_header *h = &out->headers[out->header_count++];
        *h = (struct letter_header){string_of(key), {NULL, 0}};
        if (yyjson_is_str(v))
            h->value = string_of(v);
        else if (!yyjson_is_null(v) && !bytes_of_base64(yyjson_obj_get(v, "base64"), memory, &h->value))
            return "a header is neither a text, null nor {\"base64\": ...}";
    }
    return NULL;
}

const char *letter_parse(struct text line, struct letter *out, struct letter_memory *memory)
{
    int64_t n;
    *memory = (struct letter_memory){.doc = yyjson_read(line.at, line.len, YYJSON_READ_NUMBER_AS_RAW)};
    yyjson_val *root = yyjson_doc_get_root(memory->doc);
    memset(out, 0, sizeof *out);
    out->timestamp_ms = -1;
    if (!yyjson_is_obj(root))
        return "it is not one JSON object";
    out->topic = string_of(yyjson_obj_get(root, "topic"));
    if (out->topic.len == 0)
        return "topic is missing";
    if (!read_integer(root, "partition", 0, INT32_MAX, &n))
        return "partition is missing, or no number";
    out->partition = (int32_t)n;
    if (!read_integer(root, "offset", 0, INT64_MAX, &out->offset))
        return "offset is missing, or no number";
    if (yyjson_obj_get(root, "timestamp") != NULL && !read_integer(root, "timestamp", 0, INT64_MAX, &out->timestamp_ms))
        return "timestamp is not in milliseconds";
    out->reason = string_of(yyjson_obj_get(root, "reason"));
    out->detail = string_of(yyjson_obj_get(root, "detail"));
    if (!read_bytes(root, "key", "key_base64", false, memory, &out->key))
        return "key is neither a text nor null, or not alone";
    if (!read_bytes(root, "value", "value_base64", true, memory, &out->value))
        return "value is neither a text, an object nor null, or not alone";
    out->left_out = yyjson_obj_get(root, "value") == NULL && yyjson_obj_get(root, "value_base64") == NULL;
    if (out->left_out) {
        if (!read_integer(root, "size", 0, INT64_MAX, &out->size))
            return "value is missing";
        out->hash = string_of(yyjson_obj_get(root, "hash"));
    }
    return read_headers(root, out, memory);
}

void letter_memory_fini(struct letter_memory *memory)
{
    for (unsigned i = 0; i < memory->owned_count; i++)
        free(memory->owned[i]);
    yyjson_doc_free(memory->doc);
    *memory = (struct letter_memory){0};
}
