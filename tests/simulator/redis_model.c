#include "tests/simulator/redis_model.h"
#include "base/error.h"
#include "tests/simulator/process.h"
#include <jansson.h>
#include <stdlib.h>

/* ---- connections ---- */

struct redis_connection {
    struct redis_model *model;
    struct redis_connection *next;
    unsigned owner;
    bool open, held;          /* held: by its client */
    unsigned watching, dirty; /* bits of enum redis_watched: watched; and of these, changed since */
    bool multi, aborted;
    struct buffer queue; /* RESP of the queued commands */
    size_t queued;
    struct buffer late;
};

struct redis_connection *redis_model_connect(struct redis_model *m, unsigned owner)
{
    struct redis_connection *c = must_zalloc(sizeof *c);
    c->model = m;
    c->owner = owner;
    c->open = c->held = true;
    buffer_init(&c->queue);
    buffer_init(&c->late);
    c->next = m->connections;
    m->connections = c;
    return c;
}

bool redis_connection_is_open(const struct redis_connection *c)
{
    return c->open;
}

/* Those that nobody holds and that have nothing left to do. */
static void collect(struct redis_model *m)
{
    for (struct redis_connection **at = &m->connections; *at != NULL;) {
        struct redis_connection *c = *at;
        if (c->held || (c->open && c->late.len > 0)) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        buffer_fini(&c->queue);
        buffer_fini(&c->late);
        free(c);
    }
}

void redis_model_hang_up(struct redis_connection *c)
{
    c->held = false;
    collect(c->model);
}

void redis_model_owner_died(struct redis_model *m, unsigned owner)
{
    for (struct redis_connection *c = m->connections; c != NULL; c = c->next)
        if (c->owner == owner)
            c->held = false;
    m->holds[owner].lives = false;
    collect(m);
}

bool redis_model_take_back(struct redis_connection *c)
{
    bool there = c->open && c->late.len > 0;
    buffer_clear(&c->late);
    return there;
}

void redis_model_delay(struct redis_connection *c, struct text bytes)
{
    buffer_text(&c->late, bytes);
}

bool redis_model_late(struct redis_model *m)
{
    for (struct redis_connection *c = m->connections; c != NULL; c = c->next) {
        if (!c->open || c->late.len == 0 || m->down)
            continue;
        struct buffer bytes = c->late;
        buffer_init(&c->late);
        size_t count;
        struct answer *answers = redis_model_execute(c, buffer_view(&bytes), SIZE_MAX, &count);
        for (size_t i = 0; i < count; i++)
            answer_fini(&answers[i]);
        free(answers);
        buffer_fini(&bytes);
        c->open = false;
        collect(m);
        return true;
    }
    return false;
}

void redis_model_cut(struct redis_model *m)
{
    for (struct redis_connection *c = m->connections; c != NULL; c = c->next)
        c->open = false;
    collect(m);
}

/* A watched key was changed, by whoever did it. */
static void spread(struct redis_model *m, unsigned touched)
{
    touched |= m->data.touched;
    if (touched != 0)
        for (struct redis_connection *c = m->connections; c != NULL; c = c->next)
            c->dirty |= c->watching & touched;
    m->data.touched = 0;
}

static struct answer run(struct redis_model *m, const struct command *c)
{
    struct answer a = command_run(&m->data, c);
    spread(m, 0);
    return a;
}

void redis_model_init(struct redis_model *m)
{
    *m = (struct redis_model){0};
}

void redis_model_fini(struct redis_model *m)
{
    for (struct redis_connection *c = m->connections; c != NULL; c = c->next)
        c->open = c->held = false;
    collect(m);
    redis_data_clear(&m->data);
    redis_data_clear(&m->replica);
    for (unsigned i = 0; i < REDIS_OWNERS_MAX; i++) {
        word_drop(m->holds[i].epoch);
        word_drop(m->holds[i].token);
        word_drop(m->holds[i].seq);
    }
}

void redis_model_flush(struct redis_model *m)
{
    redis_data_clear(&m->data);
    spread(m, WATCHED_FENCE | WATCHED_LEASE);
}

void redis_model_replicate(struct redis_model *m)
{
    redis_data_copy(&m->replica, &m->data);
    m->has_replica = true;
}

bool redis_model_fail_over(struct redis_model *m)
{
    if (!m->has_replica)
        return false;
    redis_model_cut(m);
    redis_data_clear(&m->data);
    m->data = m->replica;
    m->replica = (struct redis_data){0};
    m->has_replica = false;
    return true;
}

const struct redis_key *redis_model_find(struct redis_model *m, struct text name)
{
    const struct redis_key *k = redis_data_find(&m->data, name);
    spread(m, 0);
    return k;
}

/* ---- transactions, and the judge ---- */

static const char *refusal(const struct redis_model *m, const struct command *c)
{
    switch (m->mood) {
    case MOOD_READONLY: return command_writes(c) ? "READONLY You can't write against a read only replica." : NULL;
    case MOOD_LOADING: return "LOADING Redis is loading the dataset in memory";
    case MOOD_OOM: return command_writes(c) ? "OOM command not allowed when used memory > 'maxmemory'." : NULL;
    case MOOD_MISCONF: return command_writes(c) ? "MISCONF Errors writing to disk" : NULL;
    case MOOD_BUSY: return "BUSY Redis is busy running a script.";
    case MOOD_FINE:
    case MOOD_COUNT: break;
    }
    return NULL;
}

static struct text fence_field(struct redis_model *m, const char *field)
{
    return redis_key_get(redis_data_find(&m->data, TEXT(REDIS_PREFIX "fence")), text_of(field));
}

/* What a transaction is to the fence: a claim names a token, a write that readers see names a seq, all else does
 * neither. */
struct intent {
    struct text epoch, token, seq, as_of, offsets;
    bool harmless; /* it reads, or changes the lease alone: none of the fence's business */
};

static struct intent intent_of(struct text queue)
{
    static struct command c;
    struct intent intent = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}, true};
    while (command_read(&queue, &c)) {
        intent.harmless = intent.harmless && (!command_writes(&c) || redis_watched(c.at[1]) == WATCHED_LEASE);
        if (!command_names(&c, "HSET") || !text_equal(c.at[1], TEXT(REDIS_PREFIX "fence")))
            continue;
        for (size_t i = 2; i + 1 < c.count; i += 2) {
            if (text_equal(c.at[i], TEXT("token")))
                intent.token = c.at[i + 1];
            else if (text_equal(c.at[i], TEXT("epoch")))
                intent.epoch = c.at[i + 1];
            else if (text_equal(c.at[i], TEXT("seq")))
                intent.seq = c.at[i + 1];
            else if (text_equal(c.at[i], TEXT("as_of")))
                intent.as_of = c.at[i + 1];
            else if (text_equal(c.at[i], TEXT("offsets")))
                intent.offsets = c.at[i + 1];
        }
    }
    return intent;
}

static void hold(struct word **what, struct text t)
{
    word_drop(*what);
    *what = word_make(t);
}

/* Whether some offset is smaller than the one that stands, or is missing. */
static bool offsets_go_back(struct text standing, struct text next)
{
    if (text_equal(standing, next))
        return false;
    json_t *old = json_loadb(standing.at, standing.len, 0, NULL), *new = json_loadb(next.at, next.len, 0, NULL);
    bool back = false;
    const char *topic, *partition;
    json_t *partitions, *offset;
    json_object_foreach(old, topic, partitions)
    {
        json_object_foreach(partitions, partition, offset)
        {
            const json_t *now = json_object_get(json_object_get(new, topic), partition);
            back = back || now == NULL || json_integer_value(now) < json_integer_value(offset);
        }
    }
    json_decref(old);
    json_decref(new);
    return back;
}

/* Only the last claimant may write, and seq, as_of and the offsets never go back: CONTRACT 5. */
static void judge(struct redis_connection *c, const struct intent *intent)
{
    struct redis_model *m = c->model;
    struct redis_hold *h = &m->holds[c->owner];
    if (intent->harmless)
        return;
    if (intent->token.len > 0) {
        m->claims++;
        hold(&h->epoch, intent->epoch);
        hold(&h->token, intent->token);
        hold(&h->seq, intent->seq);
        h->lives = c->held;
        return;
    }
    m->writes++;
    if (h->token == NULL || !text_equal(word_text(h->token), fence_field(m, "token"))) {
        m->stale_accepted++;
        process_tell("redis: a write of kpid %u, which does not hold the fence, is accepted", c->owner);
    }
    if (intent->seq.len > 0) {
        m->went_back += command_number(intent->seq) <= command_number(fence_field(m, "seq"));
        hold(&h->seq, intent->seq);
    }
    /* Of equal length, so that the order of the texts is that of the instants. */
    if (intent->as_of.len > 0 && text_compare(intent->as_of, fence_field(m, "as_of")) < 0)
        m->went_back++;
    if (intent->offsets.len > 0)
        m->went_back += offsets_go_back(fence_field(m, "offsets"), intent->offsets);
}

/* What HMGET epoch token seq as_of offsets whole of the fence is answered where nobody checks it. */
static void forge(struct redis_connection *c, struct answer *a)
{
    const struct redis_hold *h = &c->model->holds[c->owner];
    if (!c->model->fence_unchecked || !h->lives || a->count != 6)
        return;
    struct word *held[] = {h->epoch, h->token, h->seq};
    for (size_t i = 0; i < 3; i++) {
        answer_fini(&a->list[i]);
        a->list[i] = answer_value(held[i]);
    }
}

static struct answer execute_queue(struct redis_connection *c)
{
    static struct command command;
    struct redis_model *m = c->model;
    struct buffer queue = c->queue;
    size_t count = c->queued;
    bool aborted = c->aborted;
    unsigned dirty = c->dirty & ~(m->fence_unchecked ? (unsigned)WATCHED_FENCE : 0);
    buffer_init(&c->queue);
    c->queued = 0;
    c->multi = c->aborted = false;
    c->dirty = c->watching = 0;
    struct answer a = {.type = ANSWER_NIL};
    if (aborted) {
        a = answer_error("EXECABORT Transaction discarded because of previous errors.");
    } else if (dirty != 0) {
        m->refused++;
        process_tell("redis: a transaction of kpid %u is refused: what it watched was touched", c->owner);
    } else {
        struct text rest = buffer_view(&queue);
        struct intent intent = intent_of(rest);
        judge(c, &intent);
        a = answer_list(count);
        for (size_t i = 0; command_read(&rest, &command); i++)
            a.list[i] = run(m, &command);
    }
    buffer_fini(&queue);
    return a;
}

static struct answer receive(struct redis_connection *c, const struct command *command)
{
    struct redis_model *m = c->model;
    const char *no = refusal(m, command);
    if (no != NULL) {
        c->aborted = c->aborted || c->multi;
        return answer_error(no);
    }
    if (command_names(command, "MULTI")) {
        c->multi = true;
        return answer_okay();
    }
    if (command_names(command, "EXEC"))
        return c->multi ? execute_queue(c) : answer_error("ERR EXEC without MULTI");
    if (c->multi) {
        buffer_text(&c->queue, command->bytes);
        c->queued++;
        return answer_okay();
    }
    if (command_names(command, "WATCH")) {
        REQUIRE(command->count == 2 && redis_watched(command->at[1]) != 0);
        /* An expiry that nobody has noticed yet is no change after the WATCH. */
        redis_model_find(m, command->at[1]);
        c->watching |= redis_watched(command->at[1]);
        return answer_okay();
    }
    struct answer a = run(m, command);
    if (command_names(command, "HMGET") && text_equal(command->at[1], TEXT(REDIS_PREFIX "fence")))
        forge(c, &a);
    return a;
}

struct answer *redis_model_execute(struct redis_connection *c, struct text bytes, size_t most, size_t *out_count)
{
    static struct command command;
    size_t room = 0, count = 0;
    struct answer *answers = NULL;
    while (count < most && command_read(&bytes, &command)) {
        if (count == room) {
            room = room > 0 ? room * 2 : 16;
            answers = must_realloc(answers, room * sizeof *answers);
        }
        answers[count++] = receive(c, &command);
    }
    *out_count = count;
    return answers;
}
