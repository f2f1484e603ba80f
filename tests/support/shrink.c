#include "tests/support/shrink.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS_MAX = 60, PRINTED_MAX = 20 };

/* In a process of its own; what it prints is for who reads of the least history only. */
static bool ask(const struct law *law, const struct event_list *events, bool loud)
{
    fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, STDOUT_FILENO);
        if (!loud)
            dup2(nowhere, STDERR_FILENO);
        alarm(SECONDS_MAX);
        _exit(law->holds(law->context, events) ? 0 : 1);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        REQUIRE(errno == EINTR);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool law_holds(const struct law *law, const struct event_list *events)
{
    return ask(law, events, false);
}

static void copy_list(struct event_list *out, const struct event_list *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct event *e = must_alloc(from->at[i]->size);
        memcpy(e, from->at[i], from->at[i]->size);
        event_list_add(out, e);
    }
}

/* Leaves out the events [from, to) for good if the law fails without them as well. */
static bool leave_out(const struct law *law, struct event_list *l, size_t from, size_t to)
{
    struct event **rest = must_alloc(l->count * sizeof(struct event *) + 1);
    struct event_list fewer = {.at = rest};
    for (size_t i = 0; i < l->count; i++)
        if (i < from || i >= to)
            rest[fewer.count++] = l->at[i];
    bool fails = !law_holds(law, &fewer);
    if (fails) {
        for (size_t i = from; i < to; i++)
            free(l->at[i]);
        memcpy(l->at, rest, fewer.count * sizeof(struct event *));
        l->count = fewer.count;
    }
    free(rest);
    return fails;
}

static void shrink_events(const struct law *law, struct event_list *l)
{
    for (size_t size = (l->count + 1) / 2; size > 0; size = size > 1 ? (size + 1) / 2 : 0) {
        bool again = true;
        while (again) {
            again = false;
            for (size_t at = 0; at < l->count;) {
                size_t to = at + size < l->count ? at + size : l->count;
                if (leave_out(law, l, at, to))
                    again = size == 1; /* single events: until none can be left out */
                else
                    at = to;
            }
        }
    }
}

static bool shrink_fields(const struct law *law, struct event_list *l)
{
    bool any = false;
    for (size_t i = 0; i < l->count; i++) {
        for (uint32_t left = l->at[i]->carried; left != 0; left &= left - 1) {
            struct event *whole = l->at[i];
            l->at[i] = event_part(whole, whole->carried & ~(left & -left), whole->stamp.minor);
            bool fails = !law_holds(law, l);
            any = any || fails;
            if (!fails) {
                free(l->at[i]);
                l->at[i] = whole;
            } else
                free(whole);
        }
    }
    return any;
}

void shrink(const struct law *law, const struct event_list *events, struct event_list *out)
{
    copy_list(out, events);
    do
        shrink_events(law, out);
    while (shrink_fields(law, out));
}

static void json_text(struct buffer *b, struct text t)
{
    buffer_char(b, '"');
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c < ' ') {
            buffer_format(b, "\\u%04x", c);
            continue;
        }
        if (c == '"' || c == '\\')
            buffer_char(b, '\\');
        buffer_char(b, (char)c);
    }
    buffer_char(b, '"');
}

static void json_time(struct buffer *b, int64_t us)
{
    int64_t rest = (us % SECOND + SECOND) % SECOND;
    time_t seconds = (time_t)((us - rest) / SECOND);
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    buffer_format(b, "\"%s.%06" PRId64 "Z\"", text, rest);
}

static void json_day(struct buffer *b, int64_t day)
{
    time_t seconds = (time_t)(day * 86400);
    struct tm utc;
    char text[32];
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%d", &utc);
    buffer_format(b, "\"%s\"", text);
}

static void json_value(struct buffer *b, const struct field *field, const struct event *e, const struct event_value *v)
{
    char code[4] = "";
    switch (field->type) {
    case FIELD_TEXT: json_text(b, event_text(e, v)); break;
    case FIELD_TIME: json_time(b, v->number); break;
    case FIELD_MONEY:
    case FIELD_POSITIVE:
    case FIELD_SHARE:
    case FIELD_DECIMAL:
        buffer_char(b, '"');
        micro_format(b, v->number);
        buffer_char(b, '"');
        break;
    case FIELD_INTEGER: buffer_format(b, "%" PRId64, v->number); break;
    case FIELD_CURRENCY:
        currency_format((currency_code)v->number, code);
        json_text(b, text_of(code));
        break;
    case FIELD_CHOICE: json_text(b, text_of(field->words[v->number])); break;
    case FIELD_DAY: json_day(b, v->number); break;
    case FIELD_RATE:
        buffer_format(b, "\"%" PRId64 ".%09" PRId64 "\"", v->number / 1000000000, v->number % 1000000000);
        break;
    case FIELD_FLAG: buffer_string(b, v->number != 0 ? "true" : "false"); break;
    }
}

void shrink_json(struct buffer *b, const struct event *e)
{
    const struct record_kind_info *info = record_kind_info((enum record_kind)e->kind);
    buffer_format(b, "{\"%s\": ", info->key);
    json_text(b, event_key(e));
    buffer_string(b, ", \"occurred_at\": ");
    json_time(b, e->occurred_at_us);
    if (e->stamp.minor != 0)
        buffer_format(b, ", \"version\": %" PRId64, e->stamp.minor);
    if (e->flags & EVENT_DELETED)
        buffer_string(b, ", \"deleted\": true");
    const struct event_value *value = event_values(e);
    for (unsigned f = 0; f < info->field_count; f++) {
        if (!(e->carried & UINT32_C(1) << f))
            continue;
        buffer_format(b, ", \"%s\": ", info->fields[f].name);
        if (e->cleared & UINT32_C(1) << f)
            buffer_string(b, "null");
        else
            json_value(b, &info->fields[f], e, value++);
    }
    buffer_string(b, "}\n");
}

static void write_file(const char *folder, const char *name, struct text content)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    REQUIRE(f != NULL);
    fwrite(content.at, 1, content.len, f);
    REQUIRE(fclose(f) == 0);
}

static void write_config(const struct core *core, const char *folder)
{
    static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
    static const char *const days[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
    const struct config *c = core->config;
    struct buffer b;
    buffer_init(&b);
    buffer_format(&b, "company:\n  time_zone: %s\n  week_start: %s\n  fiscal_year_start: %s\n  credit: %s\n",
                  calendar_zone(core->calendar), days[core->week_start - 1], months[core->fiscal_month - 1],
                  c->credit == CREDIT_AT_CLOSE ? "at_close" : "current");
    buffer_format(&b, "corrections:\n  mode: %s\n", c->corrections == CORRECTIONS_BOOK ? "book" : "restate");
    if (c->lock_day != INT64_MIN) {
        buffer_string(&b, "  lock: ");
        json_day(&b, c->lock_day);
        buffer_char(&b, '\n');
    }
    buffer_format(&b, "limits:\n  entities_max: %lld\n", (long long)c->limits.entities_max);
    buffer_string(&b, "windows: [");
    for (unsigned w = 0; w < core->config->window_count; w++)
        buffer_format(&b, "%s%s", w > 0 ? ", " : "", core->config->windows[w].name);
    buffer_string(&b, "]\n");
    write_file(folder, "kpid.yaml", buffer_view(&b));
    buffer_fini(&b);
}

void shrink_write(const struct event_list *events, const struct core *core, int64_t as_of_us, const char *folder,
                  struct buffer *out_command)
{
    REQUIRE(mkdir(folder, 0700) == 0 || errno == EEXIST);
    write_config(core, folder);
    buffer_format(out_command, "kpid replay --format ndjson --config %s/kpid.yaml --as-of ", folder);
    instant_format(out_command, as_of_us, true);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        const char *topic = record_kind_info((enum record_kind)k)->topic;
        char name[64];
        struct buffer lines;
        buffer_init(&lines);
        for (size_t i = 0; i < events->count; i++)
            if (events->at[i]->kind == k)
                shrink_json(&lines, events->at[i]);
        snprintf(name, sizeof name, "%s.ndjson", topic);
        if (lines.len > 0) {
            write_file(folder, name, buffer_view(&lines));
            buffer_format(out_command, " --%s %s/%s", topic, folder, name);
        }
        buffer_fini(&lines);
    }
}

static void write_telling(const struct event_list *events, const struct core *core, int64_t as_of_us,
                          const char *folder)
{
    struct buffer command;
    buffer_init(&command);
    shrink_write(events, core, as_of_us, folder, &command);
    fprintf(stderr, "%.*s\n", (int)command.len, command.at);
    for (size_t i = 0; i < events->count && i < PRINTED_MAX; i++) {
        struct buffer line;
        buffer_init(&line);
        shrink_json(&line, events->at[i]);
        fprintf(stderr, "  %.*s", (int)line.len, line.at);
        buffer_fini(&line);
    }
    buffer_fini(&command);
}

bool law_check(const struct law *law, const struct event_list *events, const struct core *core, int64_t as_of_us)
{
    if (law_holds(law, events))
        return true;
    struct event_list least = {0};
    shrink(law, events, &least);
    const char *above = getenv("SHRUNK_DIR");
    above = above != NULL ? above : getenv("TMPDIR");
    char folder[2048], part[2100];
    snprintf(folder, sizeof folder, "%s/kpid-%s-XXXXXX", above != NULL ? above : "/tmp", law->name);
    REQUIRE(mkdtemp(folder) != NULL);
    fprintf(stderr, "%s does not hold for %zu events; for these %zu of them it does not hold either:\n", law->name,
            events->count, least.count);
    if (law->tell == NULL) {
        write_telling(&least, core, as_of_us, folder);
    } else {
        struct event_list tellings[2] = {{0}, {0}};
        law->tell(law->context, &least, &tellings[0], &tellings[1]);
        for (int i = 0; i < 2; i++) {
            snprintf(part, sizeof part, "%s/%s", folder, i == 0 ? "one" : "other");
            write_telling(&tellings[i], core, as_of_us, part);
            event_list_fini(&tellings[i]);
        }
    }
    ask(law, &least, true);
    event_list_fini(&least);
    return false;
}
