#include "daemon/floor_options.h"
#include "base/calendar.h"
#include "base/instant.h"
#include "daemon/floor_random.h"
#include "daemon/options.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* X(symbol, name, argument, help) */
#define OPTION_TABLE(X)                                                                                            \
    X(SEED, "seed", "N", "another floor for each number; the same options give the same bytes (1)")                \
    X(RECORDS, "records", "N",                                                                                     \
      "how many leads, deals, payments and answers together (10000;\n0 with --host-mock or --from-now)")           \
    X(MANAGERS, "managers", "N", "people who sell (24)")                                                           \
    X(TEAMS, "teams", "N", "each manager is in one (4)")                                                           \
    X(START, "start", "TIME", "RFC 3339, or a date: midnight in the zone (2024-01-01)")                            \
    X(DAYS, "days", "N", "length of the span (90)")                                                                \
    X(ZONE, "zone", "ZONE", "the company's time zone: people work from 9 to 18 there (UTC)")                       \
    X(BASE, "base", "CUR", "the company's currency, used where a record names none (USD)")                         \
    X(CURRENCIES, "currencies", "LIST", "what customers pay in, as EUR,USD,JPY,KWD (the base)")                    \
    X(CORRECTIONS, "corrections", "PERCENT", "of the records that are corrected (20)")                             \
    X(REPEAT, "repeat", "PERCENT", "of the events that come again (2)")                                            \
    X(LATE, "late", "PERCENT", "of the events that come late (5)")                                                 \
    X(GARBAGE, "garbage", "PERCENT", "broken messages, for each good event (1)")                                   \
    X(ALL_OWNED, "all-owned", NULL, "every event names its record's manager and that manager's team")              \
    X(FROM_NOW, "from-now", NULL,                                                                                  \
      "live: the span ends now (--days and --records describe the past,\nsent at once), then new sales begin and " \
      "end within minutes,\nwithout end, at --rate events a second (20)")                                          \
    X(RATE, "rate", "N", "events a second; 0 = as fast as possible (0)")                                           \
    X(DURATION, "duration", "SECONDS", "stop after that long")                                                     \
    X(OUT, "out", "DIR", "write leads, deals, payments and feedback .ndjson there")                                \
    X(TRUTH, "truth", "FILE", "write what every record is in the end, as ndjson")                                  \
    X(BROKERS, "brokers", "LIST",                                                                                  \
      "send to Kafka. Messages have the time stamps of the simulation:\nthe topics' retention must be longer "     \
      "(retention.ms=-1)")                                                                                         \
    X(TOPIC_PREFIX, "topic-prefix", "TEXT", "before leads, deals, payments and feedback")                          \
    X(PROPERTY, "property", "NAME=VALUE", "for librdkafka, as security.protocol=ssl; repeatable")                  \
    X(HOST_MOCK, "host-mock", NULL,                                                                                \
      "host a Kafka cluster in this process (librdkafka's mock; it keeps\n5 MiB of each partition), send there, "  \
      "print its address and stay\nuntil SIGINT, SIGTERM or --duration")                                           \
    X(PARTITIONS, "partitions", "N", "of the mock's topics (4)")                                                   \
    X(BROKERS_FILE, "brokers-file", "FILE", "write the mock's address there when it is ready")

enum option {
#define X(symbol, name, argument, help) OPTION_##symbol,
    OPTION_TABLE(X)
#undef X
        OPTION_COUNT
};

static const struct option_row rows[] = {
#define X(symbol, name, argument, help) {name, argument, help},
    OPTION_TABLE(X)
#undef X
};

static bool complain(const struct options *o, const char *problem)
{
    options_complain(o, problem);
    return false;
}

/* A percentage as parts per million. */
static bool read_percent(const struct options *o, uint32_t *out_ppm)
{
    int64_t micro;
    if (decimal_parse(text_of(o->value), &micro, NULL) != OK || micro < 0 || micro > 100 * MICRO) {
        return complain(o, "not a percentage from 0 to 100");
    }
    *out_ppm = (uint32_t)(micro / 100);
    return true;
}

static bool read_currency(const struct options *o, struct text code, currency_code *out)
{
    if (currency_parse(code, out) != OK || currency_decimals_iso(*out) < 0) {
        return complain(o, "not a currency of ISO 4217 in three capital letters");
    }
    return true;
}

static bool read_currencies(const struct options *o, struct floor_options *f)
{
    f->currency_count = 0;
    const char *at = o->value;
    for (;;) {
        size_t len = strcspn(at, ",");
        if (f->currency_count == FLOOR_CURRENCIES_MAX) {
            return complain(o, "more than 16 currencies");
        }
        if (!read_currency(o, (struct text){at, len}, &f->currencies[f->currency_count])) {
            return false;
        }
        f->currency_count++;
        if (at[len] == '\0') {
            return true;
        }
        at += len + 1;
    }
}

static bool read_number(const struct options *o, int64_t min, int64_t max, int64_t *out)
{
    return options_number(o, min, max, out);
}

static bool read_count(const struct options *o, int64_t max, uint32_t *out)
{
    int64_t n;
    if (!options_number(o, 1, max, &n)) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

/* What was written, before defaults that depend on other options. */
struct written {
    const char *start;
    int64_t records, days; /* -1: not given */
    bool rate;
};

static bool read_option(struct floor_request *r, struct written *w, const struct options *o, int option)
{
    struct floor_options *f = &r->floor;
    int64_t n = 0;
    switch ((enum option)option) {
    case OPTION_SEED:
        if (!read_number(o, 0, INT64_MAX, &n)) {
            return false;
        }
        f->seed = (uint64_t)n;
        return true;
    case OPTION_RECORDS: return read_number(o, 0, 1000000000, &w->records);
    case OPTION_MANAGERS: return read_count(o, 100000, &f->managers);
    case OPTION_TEAMS: return read_count(o, 100000, &f->teams);
    case OPTION_START: w->start = o->value; return true;
    case OPTION_DAYS: return read_number(o, 1, 36500, &w->days);
    case OPTION_ZONE: f->zone = o->value; return true;
    case OPTION_BASE: return read_currency(o, text_of(o->value), &f->base);
    case OPTION_CURRENCIES: return read_currencies(o, f);
    case OPTION_CORRECTIONS: return read_percent(o, &f->corrections_ppm);
    case OPTION_REPEAT: return read_percent(o, &f->repeat_ppm);
    case OPTION_LATE: return read_percent(o, &f->late_ppm);
    case OPTION_GARBAGE: return read_percent(o, &f->garbage_ppm);
    case OPTION_ALL_OWNED: f->all_owned = true; return true;
    case OPTION_FROM_NOW: r->from_now = true; return true;
    case OPTION_RATE: w->rate = true; return read_number(o, 0, 1000000, &r->rate);
    case OPTION_DURATION: return read_number(o, 1, 1000000000, &r->duration_s);
    case OPTION_OUT: r->out = o->value; return true;
    case OPTION_TRUTH: r->truth = o->value; return true;
    case OPTION_BROKERS: r->brokers = o->value; return true;
    case OPTION_TOPIC_PREFIX: r->topic_prefix = o->value; return true;
    case OPTION_PROPERTY:
        r->properties = must_realloc(r->properties, (r->property_count + 1) * sizeof r->properties[0]);
        r->properties[r->property_count++] = o->value;
        return true;
    case OPTION_HOST_MOCK: r->host_mock = true; return true;
    case OPTION_PARTITIONS: return read_number(o, 1, 1000, &r->partitions);
    case OPTION_BROKERS_FILE: r->brokers_file = o->value; return true;
    case OPTION_COUNT: break;
    }
    return false;
}

static bool refuse(const char *problem)
{
    fprintf(stderr, "kpid simulate: %s\n", problem);
    return false;
}

/* RFC 3339, or a date: its midnight in the zone. */
static bool read_start(struct floor_request *r, const char *written)
{
    struct calendar *calendar = calendar_create(r->floor.zone, 1, 1);
    if (calendar == NULL) {
        fprintf(stderr, "kpid simulate: --zone: no time zone '%s' on this machine\n", r->floor.zone);
        return false;
    }
    int64_t days;
    bool fine = true;
    if (date_parse(text_of(written), &days) == OK) {
        r->floor.start_us = calendar_instant(calendar, days, 0);
    } else {
        fine = instant_parse(text_of(written), &r->floor.start_us) == OK;
    }
    calendar_destroy(calendar);
    if (!fine || r->floor.start_us < INSTANT_MIN || r->floor.start_us >= INSTANT_END - (r->floor.days + 1) * DAY) {
        return refuse("--start: neither a date nor RFC 3339 with a zone, or the span is not within 1970-2200");
    }
    return true;
}

static bool complete(struct floor_request *r, const struct written *w, int64_t now_us)
{
    r->floor.days = w->days > 0 ? (int)w->days : 90;
    r->floor.records = w->records >= 0 ? (uint64_t)w->records : r->from_now || r->host_mock ? 0 : 10000;
    if (r->floor.teams > r->floor.managers) {
        return refuse("--teams: more teams than managers");
    }
    if (r->brokers != NULL && r->host_mock) {
        return refuse("--brokers and --host-mock are two places to send to; choose one");
    }
    if (r->out == NULL && r->brokers == NULL && !r->host_mock) {
        return refuse("where to? give --out DIR, --brokers LIST or --host-mock");
    }
    if (r->brokers_file != NULL && !r->host_mock) {
        return refuse("--brokers-file is the address of the mock; it needs --host-mock");
    }
    if (r->from_now && w->start != NULL) {
        return refuse("--from-now ends the span now; it does not go with --start");
    }
    if (!read_start(r, w->start != NULL ? w->start : "2024-01-01")) {
        return false;
    }
    if (r->from_now) {
        if (w->rate && r->rate == 0) {
            return refuse("--rate: a live floor needs a rate above 0");
        }
        r->rate = w->rate ? r->rate : 20;
        r->floor.live_rate = (uint32_t)r->rate;
        r->floor.start_us = now_us - r->floor.days * DAY;
    }
    return true;
}

enum floor_request_answer floor_request_read(struct floor_request *out, int argc, char **argv, int64_t now_us)
{
    *out = (struct floor_request){
        .floor = {.seed = 1,
                  .managers = 24,
                  .teams = 4,
                  .zone = "UTC",
                  .base = (currency_code)'U' << 16 | (currency_code)'S' << 8 | (currency_code)'D',
                  .corrections_ppm = PPM(20),
                  .repeat_ppm = PPM(2),
                  .late_ppm = PPM(5),
                  .garbage_ppm = PPM(1)},
        .topic_prefix = "",
        .partitions = 4,
    };
    struct written w = {.records = -1, .days = -1};
    struct options o;
    options_begin(&o, "simulate", "[OPTION]... --out DIR | --brokers LIST | --host-mock",
                  "A believable sales floor as a source of events: managers of different skill, leads, deals,\n"
                  "payments and answers, with corrections, repeats, late events and some garbage.",
                  rows, OPTION_COUNT, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        if (i == OPTIONS_HELP) {
            return REQUEST_HELP;
        }
        if (i == OPTIONS_ARGUMENT) {
            fprintf(stderr, "kpid simulate: '%s' is no option\n", o.value);
            return REQUEST_WRONG;
        }
        if (i < 0 || !read_option(out, &w, &o, i)) {
            return REQUEST_WRONG;
        }
    }
    return complete(out, &w, now_us) ? REQUEST_FINE : REQUEST_WRONG;
}

void floor_request_fini(struct floor_request *r)
{
    free(r->properties);
    r->properties = NULL;
}
