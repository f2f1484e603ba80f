/* config.h - the configuration as plain structs: what the file says, checked, with its defaults.
 *
 * Read once (config_load) before any other thread exists; immutable afterwards; any thread may read.
 * Memory: config_destroy frees all that hangs on it. Strings are zero-terminated, never NULL
 * ("" = not set) unless said otherwise. Durations close with their unit.
 */
#pragma once
#include "base/calendar.h"
#include "base/log.h"
#include "base/money.h"
#include "config/aspect.h"
#include "config/field.h"
#include "config/formula.h"
#include "config/kpi_table.h"
#include "config/name_filter.h"
#include "config/window_spec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOWS_MAX 32
#define INPUTS_MAX  64

struct currency_config {
    currency_code code;
    int decimals; /* 0-6 */
};

/* One exchange rate: `nano` is base units for one unit of the currency, in 10^-9. */
struct rate_config {
    currency_code code;
    int64_t day; /* days since 1970-01-01; in force from this local day to the next rated one */
    int64_t nano;
};

/* A row of the organisation: days are local, both inclusive; INT64_MIN and INT64_MAX = without begin, without end. */
struct member_config {
    char *manager_id, *team_id; /* "" = none: a row without a manager names a team */
    char *name;                 /* for people to read; "" = the id */
    int active, lead;           /* 0 or 1 */
    int64_t starts_on, ends_on;
};

/* Whose deal a closed one is: the owner that stands now, or the one that stood when it was closed. */
/* Where a change of what has been told counts: where it belongs, or when it was made. */
enum corrections { CORRECTIONS_RESTATE, CORRECTIONS_BOOK };
enum credit { CREDIT_CURRENT, CREDIT_AT_CLOSE };
/* Which team a manager's deals count for: the one at the time, or today's. */
enum team_view { TEAMS_AS_WAS, TEAMS_AS_IS };

/* When people work, by local days and hours. */
struct working_calendar_config {
    char *name;
    bool works[7];              /* Monday first */
    int from_minute, to_minute; /* of the day: 0-1440 */
    int64_t *holidays;          /* local days, ascending */
    size_t holiday_count;
};

struct team_config {
    char *name;
    size_t calendar; /* index in calendars */
};

/* A target for each whole period that has a day in [starts_on, ends_on]. */
struct target_config {
    enum dimension dimension;
    char *entity;
    char *kpi;
    int period;          /* enum period */
    int64_t value_micro; /* of a whole period, in the KPI's unit */
    int64_t starts_on, ends_on;
    int64_t ramp_periods; /* 0 = none */
};

#define OWN_KPIS_MAX     32
#define OWN_FILTERED_MAX 40 /* measures that are read through filters */

/* A KPI of the configuration's own. */
struct own_kpi_config {
    char *name;
    char *formula_text, *filter_text;
    struct formula formula;
    struct name_filter filter;   /* no operations: of all records */
    int unit;                    /* index in own_unit_words: own_kpi_unit */
    int better;                  /* enum kpi_better */
    int absent_choice;           /* 0 = by the formula, 1 = zero, 2 = none */
    enum kpi_absent absent;      /* what it comes to */
    enum formula_measure sample; /* what n counts; FORMULA_MEASURE_COUNT = there is no n */
    char *label, *label_ru;      /* "" = the name */
};

struct stage_config {
    char *name;
    int64_t probability_micro; /* 0-1,000,000; for deals without one of their own */
};

enum source_kind { SOURCE_MEMBER, SOURCE_POINTER, SOURCE_CONSTANT, SOURCE_HEADER, SOURCE_NONE, SOURCE_MESSAGE_KEY };

struct value_map {
    char *from, *to;
};

/* Where a field comes from. */
struct field_source {
    enum source_kind kind;
    char *name;            /* member name, JSON Pointer, constant text or header name */
    struct value_map *map; /* a table of values, applied to texts; NULL where none */
    size_t map_count;
};

enum order_by { ORDER_BY_OCCURRED_AT, ORDER_BY_VERSION };
enum event_mode { EVENTS_CHANGES, EVENTS_FULL };
enum tombstone_mode { TOMBSTONES_DELETE, TOMBSTONES_IGNORE };

/* An event passes the filter if the member at `pointer` is one of `values` (a text, number or bool by its JSON text). */
struct filter_config {
    char *pointer; /* "" = no filter; a member name or a JSON Pointer */
    char **values;
    size_t value_count;
    bool negate; /* true: passes if it is none of them */
};

struct input_config {
    enum record_kind kind;
    char *topic;
    enum order_by order_by;
    enum event_mode events;
    enum tombstone_mode tombstones;
    struct filter_config filter;
    struct field_source key, event_id, version, occurred_at, deleted;
    struct field_source fields[FIELD_COUNT_MAX]; /* by field index of the kind */
};

/* What to do when messages are gone from a topic before they were read. */
enum on_gap { ON_GAP_CONTINUE, ON_GAP_STOP };

struct kafka_property {
    char *name, *value;
};

struct kafka_config {
    char *brokers;                     /* "localhost:9092" */
    char *group;                       /* named to the brokers; offsets are committed under it for others to see */
    char *dead_letter_topic;           /* "kpid-dead-letters" */
    struct kafka_property *properties; /* passed to librdkafka as they are */
    size_t property_count;
    int64_t message_size_max;    /* bytes; a larger value is a dead letter */
    int64_t queue_bytes_max;     /* librdkafka's prefetch, bytes */
    int64_t metadata_refresh_ms; /* how often new partitions are looked for */
    int64_t clock_skew_ms;       /* how far occurred_at may be ahead of the message's time stamp */
    enum on_gap on_gap;
    int64_t dead_letters_unsent_max; /* dead letters that wait for their delivery report */
};

struct sentinel_config {
    char *host;
    int port;
};

struct redis_config {
    char *host;
    int port;
    char *unix_socket; /* "" = TCP */
    char *user;
    char *password;                    /* read from its file, environment or credential; never logged */
    int tls;                           /* 0 or 1; with the sentinels as well */
    char *tls_ca;                      /* "" = the system's authorities */
    char *tls_cert, *tls_key;          /* "" = none */
    char *tls_server_name;             /* "" = host */
    struct sentinel_config *sentinels; /* asked where the master is, instead of host and port; none: 0 */
    size_t sentinel_count;
    char *sentinel_master; /* the name under which they know it */
    char *sentinel_user;
    char *sentinel_password;
    int database;
    char *namespace_;   /* "default" */
    int64_t timeout_ms; /* connect and command */
    int64_t backoff_max_ms;
    int64_t lease_ms; /* who publishes is known for so long without a word of it: 3,000 */
};

struct board_config {
    bool dimension[DIMENSION_COUNT];
    bool kpi[KPI_COUNT];
    bool window[WINDOWS_MAX]; /* by index in config.windows */
};

struct publish_config {
    int64_t tick_ms;        /* at most this long between snapshots while events come: 100 */
    int64_t idle_ms;        /* while nothing comes: how often time is moved: 1,000 */
    int64_t max_atomic;     /* commands in one MULTI: 2,000 */
    int64_t meta_ttl_ms;    /* meta expires after: 15,000 */
    int64_t alerts_log_max; /* entries of the alerts:log stream */
    struct board_config boards;
};

enum comparison { BELOW, AT_MOST, ABOVE, AT_LEAST };
enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

/* A threshold is compared with the KPI's value exactly, in millionths of its unit (money in units of
 * the base currency, ratios as 0-1, seconds). */
struct rule_config {
    char *name;
    enum kpi kpi;
    enum aspect aspect; /* ASPECT_VALUE: of the KPI itself */
    enum dimension dimension;
    unsigned window; /* index in config.windows */
    char **entities; /* only these; none = all of the dimension */
    size_t entity_count;
    enum comparison comparison;
    int64_t threshold_micro;
    int64_t clear_micro; /* resolved only when the value is past this; = threshold where not given */
    int64_t for_ms;      /* the breach must last this long before the alert fires */
    int64_t sample_min;  /* n below this: no value */
    enum severity severity;
    char *summary;     /* text for people; "" = made from the rule */
    size_t *receivers; /* indices in config.receivers */
    size_t receiver_count;
};

struct receiver_config {
    char *name;
    char *url;                      /* http:// or https:// */
    char *hmac_secret;              /* "" = unsigned */
    struct kafka_property *headers; /* extra HTTP headers */
    size_t header_count;
    int64_t timeout_ms;
    int64_t retry_for_ms; /* give up after this long; 0 = never while running */
};

struct alert_config {
    struct rule_config *rules;
    size_t rule_count;
    struct receiver_config *receivers;
    size_t receiver_count;
    int64_t every_ms;         /* the grid on which rules are evaluated: 10,000 */
    int64_t queue_max;        /* deliveries that wait */
    int64_t without_redis_ms; /* so long alerts wait to be noted in Redis: 10,000; 0 = for ever */
};

struct http_config {
    char *address; /* "127.0.0.1" */
    int port;      /* 9464; 0 = no endpoint */
};

struct log_config {
    enum log_format format;
    enum log_level level;
};

struct checkpoint_config {
    char *directory; /* "": $STATE_DIRECTORY, or none */
    int64_t every_ms;
};

struct audit_config {
    int64_t round_ms; /* in which every number is derived anew from the records, and compared; 0 = never by itself */
};

/* Managers against their peers: aggregators/strength.h. */
struct strengths_config {
    bool window[WINDOWS_MAX]; /* in which of them */
    int64_t k;                /* so many records of one's own weigh as much as the team's level: 10 */
};

/* Points for charts: aggregators/series.h. */
#define SERIES_MAX        16
#define SERIES_POINTS_MAX 400
struct series_config {
    enum dimension dimension;
    bool kpi[KPI_COUNT];
    int hourly; /* 1: points are hours, 0: days */
    int points;
    char **entities; /* none: all of the dimension */
    size_t entity_count;
};

struct limits_config {
    int64_t entities_max;     /* of one dimension */
    int64_t ring_bytes;       /* between consumer and writer; a power of two */
    int64_t memory_max_bytes; /* of its own at which reading stands still; 0 = the daemon asks its control group */
};

struct config {
    char *company; /* name of the one entity of dimension company: "all" */
    char *time_zone;
    int week_start;   /* 1 = Monday ... 7 = Sunday */
    int fiscal_month; /* 1-12 */
    currency_code base_currency;
    int64_t default_margin_micro;       /* margin of payments without one of their own, 0-1,000,000: 1,000,000 */
    struct currency_config *currencies; /* beyond ISO 4217, or with other decimals */
    size_t currency_count;
    struct rate_config *rates; /* sorted by (code, day) */
    size_t rate_count;
    int64_t rate_age_max_days; /* an older rate is used, and the value marked; 0 = of any age */
    struct member_config *members;
    size_t member_count;
    struct working_calendar_config *calendars; /* the first is `default` */
    size_t calendar_count;
    struct team_config *teams;
    size_t team_count;
    struct target_config *targets;
    size_t target_count;
    struct own_kpi_config *kpis;
    size_t kpi_count;
    enum credit credit;
    enum corrections corrections;
    int64_t lock_day; /* the books before this local day are closed; INT64_MIN = none are */
    enum team_view teams_view;
    struct stage_config *stages;
    size_t stage_count;
    struct window_spec windows[WINDOWS_MAX];
    unsigned window_count;
    bool dimension_windows[DIMENSION_COUNT][WINDOWS_MAX]; /* which windows a dimension has */
    struct input_config inputs[INPUTS_MAX];
    unsigned input_count;
    struct kafka_config kafka;
    struct redis_config redis;
    struct publish_config publish;
    struct alert_config alerts;
    struct http_config http;
    struct log_config log;
    struct strengths_config strengths;
    struct series_config series[SERIES_MAX];
    size_t series_count;
    struct audit_config audit;
    struct checkpoint_config checkpoint;
    struct limits_config limits;
    uint64_t hash; /* of the file's bytes; meta.config_hash */
};

/* Problems of a configuration, for a person: "kpid.yaml:12:3: unknown key 'brokes'; did you mean 'brokers'?" Memory: zeroed, then
 * what is read adds to it, to config_problems_fini. */
struct config_problems {
    char **lines;
    size_t count;
};

/* Everything at its default. */
struct config *config_default(void);
/* Reads a YAML file; NULL and every problem at once where it is wrong. `path` "-" is standard input. */
struct config *config_load(const char *path, struct config_problems *out);
/* The same from memory; `name` stands in messages for the path. Relative secret files are relative to `name`'s folder. */
struct config *config_parse(const char *name, const char *bytes, size_t size, struct config_problems *out);
/* Where the configuration is: `path` where not NULL, else $KPID_CONFIG where set, else /etc/kpid/kpid.yaml where
 * there is one; NULL: nowhere, so that everything is at its default. */
const char *config_find(const char *path);
/* The configuration that config_find finds, or the default one. */
struct config *config_open(const char *path, struct config_problems *out);
/* As config_open, without reading secrets: "" stands for each. For a check where they are not at hand. */
struct config *config_open_without_secrets(const char *path, struct config_problems *out);
/* Whether librdkafka takes a property; else false and the reason. config/ does not link with it, so whoever does says
 * so once, at the start; without it, properties are passed on unseen. */
typedef bool config_property_check(const char *name, const char *value, char *why, size_t why_size);
void config_check_properties_with(config_property_check *check);
void config_destroy(struct config *c);
/* As if none were configured: for whoever names a server by other means. */
void redis_config_drop_sentinels(struct redis_config *r);
/* Bytes that lie between Kafka and the records at most, about: a message of 200 bytes takes three times its size in librdkafka, and while
 * those of a full queue are taken as many are fetched again. And with what a daemon needs at least, the least limits.memory_max. */
int64_t config_memory_beside(const struct config *c);
int64_t config_memory_least(const struct config *c);
/* The index of the kind's first input, -1 where it has none. */
int config_find_input(const struct config *c, enum record_kind k);
/* Whether some input reads the topic. */
bool config_reads(const struct config *c, const char *topic);
/* Whether deals and payments have books: what was told of them, and when (corrections). */
bool config_has_books(const struct config *c);
/* Adds the default input of a kind, for files that are given by hand. */
void config_add_input(struct config *c, enum record_kind k);
void config_problems_fini(struct config_problems *p);

/* Digits after the point of a currency: the configuration's, else ISO 4217's; -1 = unknown currency. */
int config_currency_decimals(const struct config *c, currency_code code);
/* Base units for one unit of `code` on a local day, in 10^-9: the latest rate dated on or before the day;
 * 10^9 for the base currency; 0 where there is none. O(log rates). */
int64_t config_rate_nano(const struct config *c, currency_code code, int64_t local_day);
/* A KPI, built-in or own, as one number: that of enum kpi, or KPI_COUNT + the index of an own one. */
#define KPI_ANY_COUNT (KPI_COUNT + OWN_KPIS_MAX)
/* KPI_ANY_COUNT where the name is none. */
unsigned config_kpi_find(const struct config *c, struct text name);
enum kpi_unit config_kpi_unit(const struct config *c, unsigned kpi);
/* Whether it is of a span of time; all own ones are. */
bool config_kpi_is_of_span(unsigned kpi);
/* Its unit as built-in KPIs have it. */
enum kpi_unit own_kpi_unit(const struct own_kpi_config *k);
/* Index in calendars of a team's working calendar; 0, the default one, where it has none of its own. */
size_t config_team_calendar(const struct config *c, struct text team);
/* Probability of a stage in millionths; 0 where the configuration does not name it. */
int64_t config_stage_probability(const struct config *c, struct text stage);
/* Index in windows, -1 where there is none. */
int config_window_find(const struct config *c, struct text name);
