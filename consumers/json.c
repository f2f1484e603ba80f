/* json.c - yyjson with a pool of fixed size in place of malloc.
 *
 * Numbers are read as raw text: an amount must never pass through a double, and 1e400 in a member that nobody
 * maps is no reason to refuse a message.
 */
#include "consumers/json.h"
#include <stdlib.h>
#include <string.h>

void json_reader_init(struct json_reader *r, size_t size_max)
{
    *r = (struct json_reader){.size_max = size_max};
    /* The pool's own bookkeeping needs a little more than the parser's worst case. */
    r->pool_size = yyjson_read_max_memory_usage(size_max, YYJSON_READ_NUMBER_AS_RAW) + 1024;
    r->pool = must_alloc(r->pool_size);
}

void json_reader_fini(struct json_reader *r)
{
    free(r->pool);
    r->pool = NULL;
}

enum error json_read(struct json_reader *r, struct text value, yyjson_val **out_root)
{
    r->error = (yyjson_read_err){0};
    if (value.len > r->size_max)
        return BAD_SIZE;
    yyjson_alc pool;
    REQUIRE(yyjson_alc_pool_init(&pool, r->pool, r->pool_size));
    /* Not in situ: the bytes are copied, because a dead letter must carry them untouched. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)(uintptr_t)value.at, value.len, YYJSON_READ_NUMBER_AS_RAW, &pool, &r->error);
    /* The pool is enough for any JSON of that size; "[[[[..." without an end needs more, and is none. */
    if (doc == NULL)
        return text_is_utf8(value) ? BAD_JSON : BAD_UTF8;
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root)) {
        r->error.msg = "not an object";
        return BAD_JSON;
    }
    *out_root = root;
    return OK;
}

const char *json_problem(const struct json_reader *r, size_t *out_at)
{
    *out_at = r->error.pos;
    return r->error.msg != NULL ? r->error.msg : "";
}

/* yyjson keeps a document as one array of values in the order of the text, and a container knows where it ends.
 * So one pass with a stack of ends is enough, and no recursion that a message could exhaust. */
bool json_too_deep(yyjson_val *v, unsigned level)
{
    if (!yyjson_is_ctn(v))
        return level > JSON_DEPTH_MAX;
    yyjson_val *ends[JSON_DEPTH_MAX];
    unsigned depth = 0;
    yyjson_val *end = unsafe_yyjson_get_next(v);
    for (; v < end; v++) {
        while (depth > 0 && v >= ends[depth - 1])
            depth--;
        if (level + depth > JSON_DEPTH_MAX)
            return true;
        if (yyjson_is_ctn(v))
            ends[depth++] = unsafe_yyjson_get_next(v);
    }
    return false;
}

struct json_pointer *json_pointer_create(const char *text)
{
    if (text[0] != '/')
        return NULL;
    size_t size = strlen(text), count = 0;
    for (const char *c = text; *c != '\0'; c++)
        count += *c == '/';
    struct json_pointer *p = must_alloc(sizeof *p + count * sizeof p->tokens[0] + size);
    char *out = (char *)(p->tokens + count);
    p->count = 0;
    for (const char *c = text; *c != '\0';) {
        c++; /* the slash */
        struct text *token = &p->tokens[p->count++];
        *token = (struct text){out, 0};
        for (; *c != '\0' && *c != '/'; c++) {
            char plain = *c;
            if (plain == '~') {
                c++;
                if (*c != '0' && *c != '1') {
                    free(p);
                    return NULL;
                }
                plain = *c == '0' ? '~' : '/';
            }
            *out++ = plain;
            token->len++;
        }
    }
    return p;
}

int64_t json_pointer_index(struct text token)
{
    int64_t index = 0;
    if (token.len == 0 || token.len > 9 || (token.at[0] == '0' && token.len > 1))
        return -1;
    for (size_t i = 0; i < token.len; i++) {
        if (token.at[i] < '0' || token.at[i] > '9')
            return -1;
        index = index * 10 + (token.at[i] - '0');
    }
    return index;
}
