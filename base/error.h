/* error.h - the ways in which an input can be wrong, and what a broken kpid does.
 *
 * Bad data is a value of enum error: it travels to whoever decides (a dead letter, a
 * refused configuration). A broken precondition is REQUIRE: it ends the process, in
 * release builds too, because a restart is invisible and a wrong number is not.
 *
 * Thread: any. Memory: static texts.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

/* X(symbol, name in metrics and headers, what a person reads) */
#define ERROR_TABLE(X)                                                                                  \
    X(OK, "ok", "no error")                                                                             \
    X(BAD_JSON, "not_json", "the value is not one JSON object")                                         \
    X(BAD_UTF8, "invalid_utf8", "a text is not valid UTF-8")                                            \
    X(BAD_SIZE, "too_large", "the value is larger than the input accepts")                              \
    X(BAD_DUPLICATE_KEY, "duplicate_key", "the object names a mapped member twice")                     \
    X(BAD_KEY, "missing_key", "the record's key is missing")                                            \
    X(BAD_TEXT, "bad_text", "an id or name is empty, longer than 256 bytes or has control characters")  \
    X(BAD_TYPE, "wrong_type", "a field has the wrong JSON type")                                        \
    X(BAD_NUMBER, "bad_number", "a number is not a decimal or is out of range")                         \
    X(BAD_AMOUNT, "bad_amount", "an amount is not a decimal or is beyond 10^13 minor units")            \
    X(BAD_NEGATIVE, "negative", "an amount, cost or quantity that may not be negative is")              \
    X(BAD_CURRENCY, "unknown_currency", "the currency is neither in ISO 4217 nor in the configuration") \
    X(BAD_TIME, "bad_time",                                                                             \
      "a time is not RFC 3339 with a zone, a date or epoch milliseconds, or is outside 1970-2200")      \
    X(BAD_SKEW, "from_the_future",                                                                      \
      "occurred_at is further ahead of the message's time stamp than the clock skew allows")            \
    X(BAD_STAMP, "no_stamp", "the event has no version (or occurred_at) by which its input is ordered") \
    X(BAD_PROBABILITY, "bad_probability", "a probability is outside 0 to 1")                            \
    X(BAD_SCORE, "bad_score", "a score is outside its scale")                                           \
    X(BAD_CHOICE, "bad_choice", "a kind or status is none of the known ones")                           \
    X(BAD_TOMBSTONE, "tombstone_refused", "an empty value on an input that is ordered by version")      \
    X(BAD_DAY, "bad_day", "a day is not a date such as 2024-01-31")                                     \
    X(BAD_RATE, "bad_rate", "an exchange rate is not a decimal above 0 of at most nine places")         \
    X(BAD_DEPTH, "too_deep", "the JSON is nested deeper than the input accepts")

enum error {
#define X(symbol, name, text) symbol,
    ERROR_TABLE(X)
#undef X
        ERROR_COUNT
};

/* The short name, for metrics, headers and ndjson: "not_json". Never NULL. */
const char *error_name(enum error e);

/* A sentence for a person, without a full stop. Never NULL. */
const char *error_text(enum error e);

/* Ends the process with the place and the broken condition on standard error; the exit is 70. */
_Noreturn void require_failed(const char *condition, const char *file, int line);

#define REQUIRE(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

/* malloc, calloc and realloc that end the process when there is no memory. size 0 gives a valid pointer. */
void *must_alloc(unsigned long size);
void *must_zalloc(unsigned long size);
void *must_realloc(void *p, unsigned long size);
/* Bytes that it takes to give so many, as jemalloc has it: 16, 32 ... 128, from there on four sizes to each doubling. Whoever may grow
 * asks for all of them. */
static inline unsigned long must_room(unsigned long size)
{
    unsigned long step = size <= 128 ? 16 : 1ul << (61 - __builtin_clzl(size - 1));
    return (size + step - 1) & ~(step - 1);
}
/* An array of `*room` members of `size` bytes, grown so that it has member `at`; new members are zero. Room doubles. */
void *must_grow(void *array, uint32_t *room, uint32_t at, unsigned long size);
char *must_strdup(const char *s);
