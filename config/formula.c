/* A recursive descent that writes postfix as it goes: what has been parsed has a type, and a degree: 0 = a number, 1 = a
 * sum, 2 = anything else. */
#include "config/formula.h"
#include "base/error.h"
#include "config/report.h"
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16

static const char *const type_names[] = {"number", "count", "ratio", "money", "seconds", "quantity", "score"};

const char *formula_type_name(enum formula_type t)
{
    return type_names[t];
}

static const struct {
    const char *name;
    enum formula_type type;
} measures[FORMULA_MEASURE_COUNT] = {
#define X(name, type) {#name, TYPE_##type},
    FORMULA_MEASURE_TABLE(X)
#undef X
};

_Static_assert(FORMULA_MEASURE_COUNT <= 64, "a formula's measures are bits");

const char *formula_measure_name(enum formula_measure m)
{
    return measures[m].name;
}

enum formula_type formula_measure_type(enum formula_measure m)
{
    return measures[m].type;
}

enum formula_measure formula_measure_find(struct text name)
{
    unsigned m = 0;
    while (m < FORMULA_MEASURE_COUNT && !text_equal(name, text_of(measures[m].name)))
        m++;
    return (enum formula_measure)m;
}

struct parser {
    struct text text;
    size_t at;
    unsigned depth;
    struct formula *out;
    char *why;
    size_t why_size;
    bool failed;
};

struct value {
    enum formula_type type;
    unsigned degree;
    bool is_zero; /* the number 0 */
};

static struct value fail(struct parser *p, size_t at, const char *what)
{
    if (!p->failed)
        snprintf(p->why, p->why_size, "column %zu: %s", at + 1, what);
    p->failed = true;
    return (struct value){TYPE_NUMBER, 0, false};
}

static void skip_space(struct parser *p)
{
    while (p->at < p->text.len && (p->text.at[p->at] == ' ' || p->text.at[p->at] == '\t'))
        p->at++;
}

static char next(struct parser *p)
{
    skip_space(p);
    return p->at < p->text.len ? p->text.at[p->at] : '\0';
}

static void put(struct parser *p, struct formula_op op)
{
    if (p->out->count == FORMULA_OPS_MAX)
        fail(p, p->at, "the formula is too long; write two KPIs");
    else
        p->out->ops[p->out->count++] = op;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
}

static struct value number(struct parser *p)
{
    size_t from = p->at, points = 0;
    while (p->at < p->text.len && (is_digit(p->text.at[p->at]) || p->text.at[p->at] == '.'))
        points += p->text.at[p->at++] == '.';
    struct text digits = {p->text.at + from, p->at - from};
    int64_t micro;
    bool rounded = false;
    if (points > 1 || digits.at[digits.len - 1] == '.' || decimal_parse(digits, &micro, &rounded) != OK || rounded)
        return fail(p, from, "a number has digits, and at most six of them behind a point");
    put(p, (struct formula_op){.kind = PUSH_NUMBER, .micro = micro});
    return (struct value){TYPE_NUMBER, 0, micro == 0};
}

static struct value measure(struct parser *p)
{
    size_t from = p->at;
    while (p->at < p->text.len && is_name(p->text.at[p->at]))
        p->at++;
    struct text name = {p->text.at + from, p->at - from};
    enum formula_measure m = formula_measure_find(name);
    if (m == FORMULA_MEASURE_COUNT) {
        const char *names[FORMULA_MEASURE_COUNT];
        for (unsigned i = 0; i < FORMULA_MEASURE_COUNT; i++)
            names[i] = measures[i].name;
        const char *near = nearest(name, names, FORMULA_MEASURE_COUNT);
        char what[160];
        snprintf(what, sizeof what, "unknown measure '%.*s'%s%s%s", (int)(name.len < 60 ? name.len : 60), name.at,
                 near != NULL ? "; did you mean '" : "; docs/own-kpis.md lists them", near != NULL ? near : "",
                 near != NULL ? "'?" : "");
        return fail(p, from, what);
    }
    put(p, (struct formula_op){.kind = PUSH_MEASURE, .measure = m});
    p->out->measures |= UINT64_C(1) << m;
    return (struct value){measures[m].type, 1, false};
}

static struct value sum(struct parser *p);

static struct value part(struct parser *p)
{
    char c = next(p);
    if (c == '(') {
        size_t from = p->at++;
        if (++p->depth > DEPTH_MAX)
            return fail(p, from, "parentheses are nested too deep");
        struct value v = sum(p);
        p->depth--;
        if (next(p) != ')')
            return fail(p, p->at, "')' is missing");
        p->at++;
        return v;
    }
    if (is_digit(c))
        return number(p);
    if (c >= 'a' && c <= 'z')
        return measure(p);
    return fail(p, p->at, c == '\0' ? "it ends too early" : "a number, a measure or '(' is expected");
}

/* Types that a plain number, a count or a ratio can multiply and divide, but not one another. */
static bool is_sized(enum formula_type t)
{
    return t == TYPE_MONEY || t == TYPE_SECONDS || t == TYPE_QUANTITY || t == TYPE_SCORE;
}

static bool multiply_types(enum formula_type a, enum formula_type b, enum formula_type *out)
{
    if (is_sized(a) && is_sized(b))
        return false;
    *out = is_sized(a)                          ? a
           : is_sized(b)                        ? b
           : a == TYPE_COUNT || b == TYPE_COUNT ? TYPE_COUNT
           : a == TYPE_RATIO || b == TYPE_RATIO ? TYPE_RATIO
                                                : TYPE_NUMBER;
    return true;
}

static bool divide_types(enum formula_type a, enum formula_type b, enum formula_type *out)
{
    if (b == TYPE_NUMBER)
        *out = a;
    else if (a == b)
        *out = TYPE_RATIO;
    else if ((is_sized(a) && !is_sized(b)) || (b == TYPE_QUANTITY && (a == TYPE_MONEY || a == TYPE_SECONDS)))
        *out = a;
    else if (a == TYPE_COUNT && b == TYPE_RATIO)
        *out = TYPE_COUNT;
    else if (!is_sized(a) && !is_sized(b))
        *out = TYPE_RATIO;
    else
        return false;
    return true;
}

static struct value combine(struct parser *p, size_t at, char operator, struct value a, struct value b)
{
    struct value v = {a.type, 2, false};
    char what[120];
    if (p->failed)
        return v;
    switch (operator) {
    case '+':
    case '-':
        if (a.type != b.type) {
            snprintf(what, sizeof what, "%s and %s do not add up", type_names[a.type], type_names[b.type]);
            return fail(p, at, what);
        }
        v.degree = a.degree == b.degree ? a.degree : 2;
        put(p, (struct formula_op){.kind = operator == '+' ? ADD : SUBTRACT});
        break;
    case '*':
        if (!multiply_types(a.type, b.type, &v.type)) {
            snprintf(what, sizeof what, "%s times %s is nothing", type_names[a.type], type_names[b.type]);
            return fail(p, at, what);
        }
        v.degree = a.degree + b.degree < 2 ? a.degree + b.degree : 2;
        put(p, (struct formula_op){.kind = MULTIPLY});
        break;
    default:
        if (b.is_zero)
            return fail(p, at, "it divides by 0");
        if (!divide_types(a.type, b.type, &v.type)) {
            snprintf(what, sizeof what, "%s by %s is nothing", type_names[a.type], type_names[b.type]);
            return fail(p, at, what);
        }
        v.degree = b.degree == 0 ? a.degree : 2;
        put(p, (struct formula_op){.kind = DIVIDE});
    }
    return v;
}

static struct value chain(struct parser *p, char first, char second, struct value (*below)(struct parser *p))
{
    struct value v = below(p);
    for (char c = next(p); !p->failed && (c == first || c == second); c = next(p)) {
        size_t at = p->at++;
        struct value right = below(p);
        v = combine(p, at, c, v, right);
    }
    return v;
}

static struct value product(struct parser *p)
{
    return chain(p, '*', '/', part);
}

static struct value sum(struct parser *p)
{
    return chain(p, '+', '-', product);
}

bool formula_parse(struct text t, struct formula *out, char *why, size_t why_size)
{
    *out = (struct formula){.count = 0};
    struct parser p = {.text = t, .out = out, .why = why, .why_size = why_size};
    struct value v = sum(&p);
    if (!p.failed && next(&p) != '\0')
        fail(&p, p.at, "an operator or the end is expected");
    if (!p.failed && out->measures == 0)
        fail(&p, 0, "it names no measure");
    out->type = v.type;
    out->is_sum = v.degree == 1;
    return !p.failed;
}

/* a/b x c/d, with what is common taken out before. */
static bool multiply(struct fraction a, struct fraction b, struct fraction *out)
{
    int128 g = common_divisor(a.numerator, b.denominator), h = common_divisor(b.numerator, a.denominator);
    return !__builtin_mul_overflow(a.numerator / g, b.numerator / h, &out->numerator) &&
           !__builtin_mul_overflow(a.denominator / h, b.denominator / g, &out->denominator);
}

static bool add(struct fraction a, struct fraction b, struct fraction *out)
{
    int128 g = common_divisor(a.denominator, b.denominator), left, right;
    if (__builtin_mul_overflow(a.numerator, b.denominator / g, &left) ||
        __builtin_mul_overflow(b.numerator, a.denominator / g, &right) ||
        __builtin_add_overflow(left, right, &out->numerator) ||
        __builtin_mul_overflow(a.denominator / g, b.denominator, &out->denominator))
        return false;
    int128 common = common_divisor(out->numerator, out->denominator);
    out->numerator /= common;
    out->denominator /= common;
    return true;
}

static bool invert(struct fraction *f)
{
    if (f->numerator == 0)
        return false;
    *f = f->numerator > 0 ? (struct fraction){f->denominator, f->numerator}
                          : (struct fraction){-f->denominator, -f->numerator};
    return true;
}

static struct fraction reduced(int128 numerator, int128 denominator)
{
    int128 common = common_divisor(numerator, denominator);
    return (struct fraction){numerator / common, denominator / common};
}

bool formula_compute(const struct formula *f, const int128 *sums, struct fraction *out)
{
    struct fraction stack[FORMULA_OPS_MAX] = {{0, 1}};
    unsigned top = 0;
    for (unsigned i = 0; i < f->count; i++) {
        const struct formula_op *op = &f->ops[i];
        if (op->kind == PUSH_NUMBER) {
            stack[top++] = reduced(op->micro, MICRO);
            continue;
        }
        if (op->kind == PUSH_MEASURE) {
            enum formula_type type = measures[op->measure].type;
            bool is_whole = type == TYPE_COUNT || type == TYPE_MONEY;
            stack[top++] = reduced(sums[op->measure], is_whole ? 1 : MICRO);
            continue;
        }
        struct fraction *a = &stack[top - 2], b = stack[top - 1];
        top--;
        bool fine = true;
        if (op->kind == SUBTRACT)
            b.numerator = -b.numerator;
        if (op->kind == DIVIDE)
            fine = invert(&b);
        if (!fine || !(op->kind == ADD || op->kind == SUBTRACT ? add(*a, b, a) : multiply(*a, b, a)))
            return false;
    }
    REQUIRE(top == 1);
    *out = stack[0];
    return true;
}
