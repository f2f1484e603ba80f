#include "publishers/trouble.h"
#include <string.h>

const char *redis_trouble_name(enum redis_trouble t)
{
    static const char *const names[] = {
#define X(symbol, word, name, text) name,
        REDIS_TROUBLE_TABLE(X)
#undef X
    };
    return t < TROUBLE_COUNT ? names[t] : "other";
}

const char *redis_trouble_text(enum redis_trouble t)
{
    static const char *const texts[] = {
#define X(symbol, word, name, text) text,
        REDIS_TROUBLE_TABLE(X)
#undef X
    };
    return t < TROUBLE_COUNT ? texts[t] : "it refuses a command";
}

enum redis_trouble redis_trouble_of(struct text error_reply)
{
    static const char *const words[] = {
#define X(symbol, word, name, text) word,
        REDIS_TROUBLE_TABLE(X)
#undef X
    };
    size_t len = 0;
    while (len < error_reply.len && error_reply.at[len] != ' ' && error_reply.at[len] != ':')
        len++;
    for (unsigned i = 0; i < TROUBLE_COUNT; i++) {
        if (words[i][0] != '\0' && text_equal(text_of(words[i]), (struct text){error_reply.at, len}))
            return (enum redis_trouble)i;
    }
    return TROUBLE_OTHER;
}

void redis_failure_note(struct redis_failure *f, enum redis_trouble t, struct text detail)
{
    if (f->trouble != TROUBLE_NONE)
        return;
    f->trouble = t;
    size_t len = detail.len < sizeof f->detail - 1 ? detail.len : sizeof f->detail - 1;
    for (size_t i = 0; i < len; i++)
        f->detail[i] = detail.at[i] >= ' ' && detail.at[i] <= '~' ? detail.at[i] : '?';
    f->detail[len] = '\0';
}

void redis_failure_note_system(struct redis_failure *f, enum redis_trouble t, int error)
{
    char text[128];
    redis_failure_note(f, t, text_of(strerror_r(error, text, sizeof text)));
}
