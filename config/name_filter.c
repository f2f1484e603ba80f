#include "config/name_filter.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

struct parser {
    struct text text;
    size_t at;
    unsigned depth;
    struct name_filter *out;
    char *why;
    size_t why_size;
    bool failed;
};

static void fail(struct parser *p, size_t at, const char *what)
{
    if (!p->failed)
        snprintf(p->why, p->why_size, "column %zu: %s", at + 1, what);
    p->failed = true;
}

static char next(struct parser *p)
{
    while (p->at < p->text.len && (p->text.at[p->at] == ' ' || p->text.at[p->at] == '\t'))
        p->at++;
    return p->at < p->text.len ? p->text.at[p->at] : '\0';
}

static bool take(struct parser *p, const char *sign)
{
    size_t len = strlen(sign);
    next(p);
    if (p->text.len - p->at < len || memcmp(p->text.at + p->at, sign, len) != 0)
        return false;
    p->at += len;
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static struct text word(struct parser *p)
{
    next(p);
    size_t from = p->at, to = from;
    while (to < p->text.len && is_letter(p->text.at[to]))
        to++;
    return (struct text){p->text.at + from, to - from};
}

static bool take_word(struct parser *p, const char *wanted)
{
    struct text w = word(p);
    if (!text_equal(w, text_of(wanted)))
        return false;
    p->at += w.len;
    return true;
}

static void put(struct parser *p, struct name_filter_op op)
{
    struct name_filter *f = p->out;
    if (p->failed || f->count == NAME_FILTER_OPS_MAX) {
        fail(p, p->at, "the filter is too long");
        free(op.name);
        return;
    }
    if (f->count == f->room) {
        f->room = f->room > 0 ? f->room * 2 : 8;
        f->ops = must_realloc(f->ops, f->room * sizeof *f->ops);
    }
    f->ops[f->count++] = op;
}

static void quoted(struct parser *p, enum dimension d)
{
    size_t from = p->at;
    if (next(p) != '"') {
        fail(p, p->at, "a name between double quotes is expected");
        return;
    }
    char *name = must_alloc(p->text.len - p->at + 1);
    size_t len = 0;
    for (p->at++; p->at < p->text.len && p->text.at[p->at] != '"'; p->at++) {
        if (p->text.at[p->at] == '\\') {
            char escaped = p->at + 1 < p->text.len ? p->text.at[p->at + 1] : '\0';
            if (escaped != '"' && escaped != '\\') {
                fail(p, p->at, "after '\\' only '\"' or '\\' may stand");
                break;
            }
            p->at++;
        }
        name[len++] = p->text.at[p->at];
    }
    name[len] = '\0';
    if (!p->failed && p->at == p->text.len)
        fail(p, from, "the name does not end; write '\"' behind it");
    p->at += p->at < p->text.len;
    if (p->failed)
        free(name);
    else
        put(p, (struct name_filter_op){FILTER_EQUAL, d, name});
}

static void either(struct parser *p);

static enum dimension name_of(struct parser *p)
{
    static const enum dimension allowed[] = {DIMENSION_MANAGER, DIMENSION_PRODUCT,     DIMENSION_REGION,
                                             DIMENSION_SOURCE,  DIMENSION_LOSS_REASON, DIMENSION_COMPETITOR};
    struct text w = word(p);
    enum dimension d = dimension_find(w);
    for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        if (allowed[i] == d) {
            p->at += w.len;
            return d;
        }
    }
    char what[200];
    bool is_whose = d == DIMENSION_TEAM || d == DIMENSION_COMPANY;
    snprintf(what, sizeof what, "'%.*s' %s; there are manager, product, region, source, loss_reason and competitor",
             (int)(w.len < 40 ? w.len : 40), w.len > 0 ? w.at : "",
             is_whose ? "is what a KPI is shown for, not what it is filtered by" : "is no name to filter by");
    fail(p, p->at, what);
    return DIMENSION_COUNT;
}

static void comparison(struct parser *p)
{
    if (p->failed)
        return;
    if (take_word(p, "not")) {
        if (++p->depth > DEPTH_MAX)
            fail(p, p->at, "it is nested too deep");
        comparison(p);
        p->depth--;
        put(p, (struct name_filter_op){.kind = FILTER_NOT});
        return;
    }
    if (take(p, "(")) {
        if (++p->depth > DEPTH_MAX)
            fail(p, p->at, "it is nested too deep");
        either(p);
        p->depth--;
        if (!take(p, ")"))
            fail(p, p->at, "')' is missing");
        return;
    }
    enum dimension d = name_of(p);
    bool negated = take(p, "!=");
    if (p->failed)
        return;
    if (negated || take(p, "=")) {
        quoted(p, d);
    } else {
        negated = take_word(p, "not");
        if (!take_word(p, "in") || !take(p, "(")) {
            fail(p, p->at, "'=', '!=', 'in (' or 'not in (' is expected");
            return;
        }
        quoted(p, d);
        while (!p->failed && take(p, ",")) {
            quoted(p, d);
            put(p, (struct name_filter_op){.kind = FILTER_OR});
        }
        if (!take(p, ")"))
            fail(p, p->at, "')' is missing");
    }
    if (negated)
        put(p, (struct name_filter_op){.kind = FILTER_NOT});
}

static void both(struct parser *p)
{
    comparison(p);
    while (!p->failed && take_word(p, "and")) {
        comparison(p);
        put(p, (struct name_filter_op){.kind = FILTER_AND});
    }
}

static void either(struct parser *p)
{
    both(p);
    while (!p->failed && take_word(p, "or")) {
        both(p);
        put(p, (struct name_filter_op){.kind = FILTER_OR});
    }
}

bool name_filter_parse(struct text t, struct name_filter *out, char *why, size_t why_size)
{
    *out = (struct name_filter){0};
    struct parser p = {.text = t, .out = out, .why = why, .why_size = why_size};
    either(&p);
    if (!p.failed && next(&p) != '\0')
        fail(&p, p.at, "'and', 'or' or the end is expected");
    return !p.failed;
}

void name_filter_fini(struct name_filter *f)
{
    for (unsigned i = 0; i < f->count; i++)
        free(f->ops[i].name);
    free(f->ops);
    *f = (struct name_filter){0};
}

bool name_filter_passes(const struct name_filter *f, const struct text names[DIMENSION_COUNT])
{
    bool stack[NAME_FILTER_OPS_MAX] = {true}; /* a filter without operations passes */
    unsigned top = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const struct name_filter_op *op = &f->ops[i];
        switch (op->kind) {
        case FILTER_EQUAL:
            stack[top++] = names[op->dimension].len > 0 && text_equal(names[op->dimension], text_of(op->name));
            break;
        case FILTER_NOT: stack[top - 1] = !stack[top - 1]; break;
        case FILTER_AND:
            top--;
            stack[top - 1] = stack[top - 1] && stack[top];
            break;
        case FILTER_OR:
            top--;
            stack[top - 1] = stack[top - 1] || stack[top];
            break;
        }
    }
    return stack[0];
}
