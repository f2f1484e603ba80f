/* scan.c - a strict reader of JSON that keeps nothing but what is wanted.
 *
 * The message is copied once, zeros behind it: a zero stands nowhere in JSON, so each loop ends at one, and sixteen
 * bytes at a time may be looked at without asking whether they are there. Of names the one that came next the last
 * time is compared first (level.h). The end of a string is looked for sixteen bytes at a time, or eight without SSE2.
 * What an escape stands for is never longer than the escape, so it is written over it in the copy.
 *
 * Left to yyjson are: messages of more than SIZE_MAX_SCANNED bytes, a wanted member that comes twice, a container where
 * a value is wanted, an array on a pointer's way, what is nested deeper than SCAN_DEPTH_MAX, and all that is wrong.
 */
#include "consumers/scan.h"
#include "consumers/level.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { SIZE_MAX_SCANNED = 1 << 16, SCAN_DEPTH_MAX = 32 };

_Static_assert((int)SCAN_DEPTH_MAX < (int)JSON_DEPTH_MAX, "what is too deep is never accepted here");
_Static_assert((int)SCAN_SLACK >= WRITTEN_MAX + 16,
               "a name that reaches over the end is compared, and then a step is looked at");

void scanner_init(struct scanner *s, size_t size_max)
{
    s->room = size_max < SIZE_MAX_SCANNED ? size_max : SIZE_MAX_SCANNED;
    s->bytes = must_alloc(s->room + SCAN_SLACK);
}

void scanner_fini(struct scanner *s)
{
    free(s->bytes);
    s->bytes = NULL;
}

/* --- steps of several bytes ---
 *
 * A step is STEP bytes, of which those are marked that end a run; step_first gives the first mark of one that has any.
 * In words of eight bytes a mark may be false behind a true one, for what is borrowed from a neighbour or carried to it
 * comes from a byte that is marked itself: so only the first one counts. */
#ifdef __SSE2__
enum { STEP = 16 };
typedef unsigned step_marks;

/* All but printable ASCII without quote and backslash: of what is less, 32 less has the upper bit, and of what is more,
 * 32 less or one more. */
static inline step_marks step_text(const char *at)
{
    __m128i w = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i seldom = _mm_or_si128(_mm_sub_epi8(w, _mm_set1_epi8(0x20)), _mm_add_epi8(w, _mm_set1_epi8(1)));
    __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(w, _mm_set1_epi8('"')), _mm_cmpeq_epi8(w, _mm_set1_epi8('\\')));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(ends, seldom));
}

/* All but digits, which alone reach the upper end of signed bytes when '9' is moved there. */
static inline step_marks step_digits(const char *at)
{
    __m128i w = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i moved = _mm_add_epi8(w, _mm_set1_epi8(0x7F - '9'));
    return (unsigned)_mm_movemask_epi8(_mm_cmpgt_epi8(moved, _mm_set1_epi8(0x7F - 10))) ^ 0xFFFF;
}

static inline unsigned step_first(step_marks marks)
{
    return (unsigned)__builtin_ctz(marks);
}
#else
enum { STEP = 8 };
typedef uint64_t step_marks;

#define EACH UINT64_C(0x0101010101010101)

static inline uint64_t step_load(const char *at)
{
    uint64_t w;
    memcpy(&w, at, sizeof w);
    return le64toh(w);
}

static inline step_marks step_text(const char *at)
{
    uint64_t w = step_load(at), quote = w ^ EACH * '"', backslash = w ^ EACH * '\\';
    uint64_t ends = ((quote - EACH) & ~quote) | ((backslash - EACH) & ~backslash);
    return (w | (w - EACH * 0x20) | (w + EACH) | ends) & EACH * 0x80;
}

static inline step_marks step_digits(const char *at)
{
    uint64_t w = step_load(at) ^ EACH * '0';
    return ((w + EACH * 0x76) | w) & EACH * 0x80;
}

static inline unsigned step_first(step_marks marks)
{
    return (unsigned)__builtin_ctzll(marks) / 8;
}
#endif

/* --- values; `at` is where one begins, what is returned is where it ends, NULL: not for us --- */

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

static inline const char *behind_space(const char *at)
{
    return (unsigned char)*at <= ' ' ? skip_space(at) : at;
}

/* Four hexadecimal digits, -1: they are not. */
static int32_t code_unit(const char *at)
{
    int32_t unit = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = at[i], letter = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            unit = unit << 4 | (letter - 'a' + 10);
        else
            return -1;
    }
    return unit;
}

/* RFC 3629, section 3. Returns where the character ends. */
static char *put_utf8(char *to, int32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* From behind `\u`, and where it ends; a character beyond the first 65,536 is a pair of them, and half a pair is wrong. */
static const char *unicode_end(const char *at, char **to)
{
    int32_t code = code_unit(at);
    if (code < 0)
        return NULL;
    at += 4;
    if (code >= 0xD800 && code < 0xE000) {
        int32_t low = code < 0xDC00 && at[0] == '\\' && at[1] == 'u' ? code_unit(at + 2) : -1;
        if (low < 0xDC00 || low >= 0xE000)
            return NULL;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    }
    *to = put_utf8(*to, code);
    return at;
}

/* From behind a backslash; RFC 8259, section 7. */
static const char *escape_end(const char *at, char **to)
{
    char c;
    switch (*at) {
    case '"':
    case '\\':
    case '/': c = *at; break;
    case 'b': c = '\b'; break;
    case 'f': c = '\f'; break;
    case 'n': c = '\n'; break;
    case 'r': c = '\r'; break;
    case 't': c = '\t'; break;
    case 'u': return unicode_end(at + 1, to);
    default: return NULL;
    }
    *(*to)++ = c;
    return at + 1;
}

/* The closing quote of a string, from where something seldom stands in it: an escape, DEL, or what is not ASCII. */
__attribute__((noinline)) static const char *unusual_end(const char *from, const char *at, struct text *out)
{
    for (; *at != '"' && *at != '\\'; at++)
        if ((unsigned char)*at < 0x20)
            return NULL;
    char *to = (char *)(uintptr_t)at; /* in the copy of the message, which is the scanner's own */
    while (*at != '"') {
        if (*at == '\\') {
            if ((at = escape_end(at + 1, &to)) == NULL)
                return NULL;
        } else if ((unsigned char)*at < 0x20) {
            return NULL;
        } else {
            *to++ = *at++;
        }
    }
    *out = (struct text){from, (size_t)(to - from)};
    return text_is_utf8(*out) ? at : NULL;
}

/* Where a string stops to be plain, from behind its opening quote: at the closing one, or at something seldom. */
static inline const char *plain_end(const char *at)
{
    step_marks marks;
    while ((marks = step_text(at)) == 0)
        at += STEP;
    return at + step_first(marks);
}

/* The closing quote of a string, from behind the opening one; *out is the string. */
static inline const char *string_end(const char *from, struct text *out, bool *out_plain)
{
    const char *at = plain_end(from);
    *out_plain = *at == '"';
    if (!*out_plain)
        return unusual_end(from, at, out);
    *out = (struct text){from, (size_t)(at - from)};
    return at;
}

/* Where digits end, if there are any. */
static inline const char *digits_run(const char *at)
{
    step_marks marks;
    while ((marks = step_digits(at)) == 0)
        at += STEP;
    return at + step_first(marks);
}

/* NULL: no digit there. */
static inline const char *digits_end(const char *from)
{
    const char *at = digits_run(from);
    return at > from ? at : NULL;
}

static inline const char *number_end(const char *at)
{
    const char *from = at + (*at == '-');
    at = digits_end(from);
    if (at == NULL || (*from == '0' && at - from > 1))
        return NULL;
    if (*at == '.' && (at = digits_end(at + 1)) == NULL)
        return NULL;
    if ((*at | 0x20) != 'e')
        return at;
    at++;
    return digits_end(at + (*at == '+' || *at == '-'));
}

static inline bool is_word(const char *at, const char word[static 4])
{
    return memcmp(at, word, 4) == 0;
}

/* Part by part: a struct that is put together elsewhere and copied waits for its parts. */
static inline void set_value(struct value *out, uint8_t type, bool plain, const char *from, const char *end)
{
    out->type = type;
    out->outside = false;
    out->plain = plain;
    out->zero = false;
    out->text.at = from;
    out->text.len = (size_t)(end - from);
}

/* Of anything but a container. */
static const char *scalar_end(const char *at, struct value *out)
{
    const char *from = at;
    struct text string;
    bool plain;
    switch (*at) {
    case '"':
        at = string_end(at + 1, &string, &plain);
        if (at == NULL)
            return NULL;
        set_value(out, VALUE_TEXT, plain, string.at, string.at + string.len);
        return at + 1;
    case 'n': set_value(out, VALUE_NULL, false, at, at); return is_word(at, "null") ? at + 4 : NULL;
    case 't': set_value(out, VALUE_BOOL, false, at, at + 4); return is_word(at, "true") ? at + 4 : NULL;
    case 'f': set_value(out, VALUE_BOOL, false, at, at + 5); return is_word(at + 1, "alse") ? at + 5 : NULL;
    default:
        at = number_end(at);
        if (at != NULL)
            set_value(out, VALUE_NUMBER, false, from, at);
        return at;
    }
}

/* A name and its colon, from behind the opening quote, looked up; it came after *last. */
static const char *name_end(struct level *l, const char *from, struct member **last, const struct member **out_found)
{
    struct text name;
    bool plain;
    const char *at = string_end(from, &name, &plain);
    if (at == NULL)
        return NULL;
    struct member *found = &l->members[level_find(l, name)];
    *out_found = found;
    if (found != l->members)
        *last = (*last)->next = found;
    at = behind_space(at + 1);
    return *at == ':' ? at + 1 : NULL;
}

/* A name that nobody wants, and its colon. */
static const char *skip_name(const char *at)
{
    struct text name;
    bool plain;
    if (*at != '"' || (at = string_end(at + 1, &name, &plain)) == NULL)
        return NULL;
    at = behind_space(at + 1);
    return *at == ':' ? behind_space(at + 1) : NULL;
}

/* A container that nobody wants anything of, on level `depth` of the message. */
static const char *skip_container(const char *at, unsigned depth)
{
    uint64_t objects = 0; /* the last bit says what the innermost one is, the one before what that is in, ... */
    unsigned level = 0;
    struct value ignored;
    for (;;) {
        if (*at == '{' || *at == '[') {
            if (depth + level++ > SCAN_DEPTH_MAX)
                return NULL;
            objects = objects << 1 | (*at == '{');
            at = behind_space(at + 1);
            if (*at != '}' && *at != ']') {
                if ((objects & 1) && (at = skip_name(at)) == NULL)
                    return NULL;
                continue;
            }
        } else if ((at = scalar_end(at, &ignored)) == NULL) {
            return NULL;
        }
        for (at = behind_space(at); *at == (objects & 1 ? '}' : ']'); at = behind_space(at + 1)) {
            objects >>= 1;
            if (--level == 0)
                return at + 1;
        }
        if (*at != ',')
            return NULL;
        at = behind_space(at + 1);
        if ((objects & 1) && (at = skip_name(at)) == NULL)
            return NULL;
    }
}

/* Whether words `n` and `n` + 1 of a name stand there. */
#ifdef __SSE2__
static inline bool stand(const struct written *w, const char *at, unsigned n)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(at + 8 * n));
    __m128i masks = _mm_loadu_si128((const __m128i *)(const void *)(w->masks + n));
    __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(w->words + n));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_and_si128(bytes, masks), words)) == 0xFFFF;
}
#else
static inline uint64_t difference(const struct written *w, const char *at, unsigned n)
{
    uint64_t word;
    memcpy(&word, at + 8 * n, sizeof word);
    return (word & w->masks[n]) ^ w->words[n];
}

static inline bool stand(const struct written *w, const char *at, unsigned n)
{
    return (difference(w, at, n) | difference(w, at, n + 1)) == 0;
}
#endif

static inline bool is_written(const struct written *w, const char *at)
{
    return stand(w, at, 0) && (w->len <= 16 || stand(w, at, 2));
}

/* Where a member's value goes. */
static inline struct value *value_of(const struct member *m, struct mapped *out)
{
    return (struct value *)(void *)((char *)out + m->place);
}

static const char *scan_object(struct level *l, const char *at, unsigned depth, struct mapped *out);

/* The value of a member, where it is no plain string, from behind the colon. */
__attribute__((noinline)) static const char *member_end(const struct member *m, const char *at, unsigned depth,
                                                        struct mapped *out)
{
    struct value *v = value_of(m, out);
    const char *end;
    if ((unsigned)(unsigned char)*at - '1' < 9 && *(end = digits_run(at)) == ',') { /* the usual number */
        set_value(v, VALUE_NUMBER, false, at, end);
        return end;
    }
    at = behind_space(at);
    if (*at != '{' && *at != '[')
        return scalar_end(at, v);
    if (m->targets != 0 || depth >= SCAN_DEPTH_MAX)
        return NULL;
    if (m->below == NULL)
        return skip_container(at, depth + 1);
    return *at == '{' ? scan_object(m->below, at + 1, depth + 1, out) : NULL;
}

/* The other targets of members that fill more than one. */
static void share(const struct level *l, uint32_t members, struct mapped *out)
{
    for (; members != 0; members &= members - 1) {
        const struct member *m = &l->members[__builtin_ctz(members) + 1];
        for (uint32_t rest = m->targets; rest != 0; rest &= rest - 1)
            out->values[__builtin_ctz(rest)] = *value_of(m, out);
    }
}

/* The members of an object on level `depth` of the message, from behind its brace to behind the other one. */
static const char *scan_object(struct level *l, const char *at, unsigned depth, struct mapped *out)
{
    /* Bits joined and bits added: they differ where a member comes twice, and no two members fill one target. */
    uint32_t seen = 0, present = 0;
    uint64_t added = 0;
    struct member *last = l->members;
    at = behind_space(at);
    if (*at == '}')
        return at + 1;
    for (;;) {
        if (*at != '"' && *(at = behind_space(at)) != '"')
            return NULL;
        const struct member *m = last->next;
        if (is_written(&m->written, at + 1)) {
            at += 1 + m->written.len;
            last = last->next;
        } else if ((at = name_end(l, at + 1, &last, &m)) == NULL) {
            return NULL;
        }
        seen |= m->bit;
        added += m->bit;
        present |= m->targets;
        const char *end;
        if (*at == '"' && *(end = plain_end(at + 1)) == '"') {
            set_value(value_of(m, out), VALUE_TEXT, true, at + 1, end);
            /* Of nearly all members the next one begins two bytes behind, and the processor need not wait to read which. */
            if (end[1] == ',') {
                at = end + 2;
                continue;
            }
            at = end + 1;
        } else if ((at = member_end(m, at, depth, out)) == NULL) {
            return NULL;
        }
        at = behind_space(at);
        if (*at == '}')
            break;
        if (*at++ != ',')
            return NULL;
    }
    if (added != seen)
        return NULL;
    out->present |= present;
    if (seen & l->shared)
        share(l, seen & l->shared, out);
    return at + 1;
}

/* Most messages are so short that a call of memcpy costs as much as what it does. */
static inline void copy_message(char *to, struct text from)
{
    enum { STEPS_MOST = 32, PART = 16 };
    if (from.len < PART || from.len > STEPS_MOST * PART) {
        memcpy(to, from.at, from.len);
        return;
    }
    for (size_t i = 0; i < from.len - PART; i += PART)
        memcpy(to + i, from.at + i, PART);
    memcpy(to + from.len - PART, from.at + from.len - PART, PART);
}

bool scan_find(struct scanner *s, struct mapping *m, struct text value, struct mapped *out)
{
    if (value.len > s->room)
        return false;
    copy_message(s->bytes, value);
    memset(s->bytes + value.len, 0, SCAN_SLACK);
    const char *at = behind_space(s->bytes);
    if (*at != '{')
        return false;
    out->present = 0;
    at = scan_object(mapping_level(m), at + 1, 1, out);
    return at != NULL && behind_space(at) == s->bytes + value.len;
}
