#include "config/load.h"
#include "config/option.h"

#define AT(type, member) .offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

#define MS_S INT64_C(1000)
#define MS_M (60 * MS_S)
#define MS_H (60 * MS_M)
#define MS_D (24 * MS_H)
#define KIB  INT64_C(1024)
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)

const char *const secret_suffixes[SECRET_SUFFIX_COUNT] = {"_file", "_env", "_credential"};

const char *const week_day_words[] = {"monday", "tuesday",  "wednesday", "thursday",
                                      "friday", "saturday", "sunday",    NULL};
static const char *const correction_words[] = {"restate", "book", NULL};
static const char *const credit_words[] = {"current", "at_close", NULL};
static const char *const view_words[] = {"as_was", "as_is", NULL};
static const char *const order_words[] = {"occurred_at", "version", NULL};
static const char *const event_words[] = {"changes", "full", NULL};
static const char *const on_gap_words[] = {"continue", "stop", NULL};
static const char *const kind_words[] = {
#define X(symbol, name, topic, key) name,
    RECORD_KIND_TABLE(X)
#undef X
        NULL};
static const char *const severity_words[] = {"info", "warning", "critical", NULL};
static const char *const format_words[] = {"logfmt", "json", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};

/* clang-format off */
static const struct option company_options[] = {
    {"name", OPTION_TEXT, AT(config, company), .fallback = "all", .check = check_name,
     .help = "Name of the one entity of dimension company."},
    {"time_zone", OPTION_CUSTOM, AT(config, time_zone), .fallback = "UTC", .load = load_time_zone,
     .form = "IANA name", .schema = "{\"type\":\"string\"}",
     .help = "Where days, weeks and months begin, such as Europe/Berlin. It must be one that this machine knows."},
    {"week_start", OPTION_CHOICE, AT(config, week_start), .fallback = "monday", .words = week_day_words, .least = 1,
     .help = "First day of a week."},
    {"fiscal_year_start", OPTION_CUSTOM, AT(config, fiscal_month), .fallback = "january", .load = load_fiscal_month,
     .form = "month", .schema = "{\"$ref\":\"#/$defs/month\"}",
     .help = "Month in which years begin, and with them quarters: a name or 1-12."},
    {"base_currency", OPTION_CUSTOM, AT(config, base_currency), .fallback = "USD", .load = load_base_currency,
     .form = "currency", .schema = "{\"$ref\":\"#/$defs/currency\"}",
     .help = "Currency of all money that is published, and of amounts without one."},
    {"default_margin", OPTION_CUSTOM, AT(config, default_margin_micro), .fallback = "1", .load = load_margin,
     .form = "decimal or percentage", .schema = "{\"$ref\":\"#/$defs/scalar\"}",
     .help = "Margin of payments that carry none, 0-1: what of a payment counts towards payback."},
    {"rate_age_max", OPTION_INTEGER, AT(config, rate_age_max_days), .fallback = "0", .least = 0, .most = 36500,
     .help = "Days after which an exchange rate is old: it is used, and the value is marked `rate_old`. 0 = never."},
    {"credit", OPTION_CHOICE, AT(config, credit), .fallback = "current", .words = credit_words,
     .help = "Whose a closed deal is: the owner's that stands now (current), or the one's when it was closed (at_close)."},
    {"teams", OPTION_CHOICE, AT(config, teams_view), .fallback = "as_was", .words = view_words,
     .help = "Which team a manager's deals count for: the one at the time (as_was), or today's (as_is)."},
    {0},
};

const struct option rate_options[] = {
    {"currency", OPTION_TEXT, .required = true, .form = "currency", .help = "Currency that is converted."},
    {"day", OPTION_TEXT, .required = true, .form = "date", .help = "Local day from which the rate is in force, as 2024-01-31, until the next rated day."},
    {"rate", OPTION_TEXT, .required = true, .form = "decimal", .help = "Base units for one unit of the currency: above 0, at most nine places."},
    {0},
};

#define DATE_SCHEMA "{\"type\":\"string\",\"format\":\"date\"}"
const struct option calendar_options[] = {
    {"days", OPTION_CUSTOM, AT(working_calendar_config, works), .load = load_days, .form = "list of days", .fallback_note = "all seven",
     .schema = "{\"type\":\"array\",\"items\":{\"enum\":[\"monday\",\"tuesday\",\"wednesday\",\"thursday\",\"friday\",\"saturday\",\"sunday\"]}}",
     .help = "Days of the week on which people work."},
    {"hours", OPTION_CUSTOM, AT(working_calendar_config, from_minute), .load = load_hours, .form = "HH:MM-HH:MM", .fallback_note = "00:00-24:00",
     .schema = "{\"type\":\"string\"}", .help = "Local hours in which they work."},
    {"holidays", OPTION_CUSTOM, AT(working_calendar_config, holidays), .load = load_holidays, .form = "list of dates",
     .schema = "{\"type\":\"array\",\"items\":" DATE_SCHEMA "}", .help = "Days on which they do not."},
    {0},
};

const struct option team_options[] = {
    {"calendar", OPTION_CUSTOM, AT(team_config, calendar), .load = load_calendar_name, .form = "calendar", .fallback_note = "default",
     .schema = "{\"type\":\"string\"}", .help = "Its working calendar."},
    {0},
};

static const char *const better_words[] = {"up", "down", NULL};
static const char *const absent_words[] = {"by_formula", "zero", "none", NULL};
const struct option own_kpi_options[] = {
    {"name", OPTION_TEXT, AT(own_kpi_config, name), .required = true, .check = check_own_name, .help = "How it is called: a letter, then small letters, digits and '_'."},
    {"formula", OPTION_CUSTOM, AT(own_kpi_config, formula_text), .required = true, .load = load_formula, .form = "formula", .schema = "{\"type\":\"string\"}", .help = "What it is of measures, such as `won_amount / won`."},
    {"filter", OPTION_CUSTOM, AT(own_kpi_config, filter_text), .load = load_name_filter, .form = "filter", .schema = "{\"type\":\"string\"}", .fallback_note = "all records", .help = "Of which records, such as `product = \"GTX Pro\" and source in (\"web\", \"fair\")`."},
    {"unit", OPTION_CHOICE, AT(own_kpi_config, unit), .required = true, .words = own_unit_words, .help = "What it is measured in; the formula must come to it."},
    {"better", OPTION_CHOICE, AT(own_kpi_config, better), .fallback = "up", .words = better_words, .help = "Where it should go."},
    {"absent", OPTION_CHOICE, AT(own_kpi_config, absent_choice), .fallback = "by_formula", .words = absent_words, .help = "What an absent value means: zero, or none. by_formula: zero for one sum, else none."},
    {"sample", OPTION_CUSTOM, AT(own_kpi_config, sample), .load = load_sample, .form = "measure", .schema = "{\"type\":\"string\"}", .fallback_note = "it has no n", .help = "The measure that says how many records are behind it."},
    {"label", OPTION_TEXT, AT(own_kpi_config, label), .check = check_summary, .fallback_note = "the name", .help = "For people."},
    {"label_ru", OPTION_TEXT, AT(own_kpi_config, label_ru), .check = check_summary, .fallback_note = "the label", .help = "For people who read Russian."},
    {0},
};

const struct option target_options[] = {
    {"dimension", OPTION_CUSTOM, AT(target_config, dimension), .required = true, .load = load_dimension, .form = "dimension", .schema = "{\"$ref\":\"#/$defs/dimension\"}", .help = "Of whom."},
    {"entity", OPTION_TEXT, AT(target_config, entity), .required = true, .check = check_name, .help = "Whose: the manager, team ... as events name it; of the company its name."},
    {"kpi", OPTION_CUSTOM, AT(target_config, kpi), .required = true, .load = load_target_kpi, .form = "KPI", .schema = "{\"type\":\"string\"}", .help = "What is to be reached: a KPI of a period."},
    {"period", OPTION_CHOICE, AT(target_config, period), .required = true, .words = period_words, .help = "In each of which."},
    {"value", OPTION_CUSTOM, AT(target_config, value_micro), .required = true, .load = load_target_value, .form = "decimal", .schema = "{\"type\":[\"number\",\"string\"]}", .help = "How much in a whole period, in the KPI's unit: money in units of the base currency, ratios 0-1 or percent."},
    {"starts_on", OPTION_CUSTOM, AT(target_config, starts_on), .required = true, .load = load_day, .form = "date", .schema = DATE_SCHEMA, .help = "First local day. A period that begins before has its share by working days."},
    {"ends_on", OPTION_CUSTOM, AT(target_config, ends_on), .load = load_day, .form = "date", .schema = DATE_SCHEMA, .fallback_note = "for ever", .help = "Last local day."},
    {"ramp_periods", OPTION_INTEGER, AT(target_config, ramp_periods), .fallback = "0", .least = 0, .most = 1000, .help = "Periods until it is full: with 2 the first one asks for a third, the second for two thirds."},
    {0},
};

static const char *const boolean_words[] = {"true", "false", NULL};
static const char *const flag_words[] = {"false", "true", NULL};

const struct option member_options[] = {
    {"manager_id", OPTION_TEXT, AT(member_config, manager_id), .check = check_name, .help = "The manager, as events name it. A row without one names a team."},
    {"team_id", OPTION_TEXT, AT(member_config, team_id), .check = check_name, .help = "The team, as events name it."},
    {"name", OPTION_TEXT, AT(member_config, name), .check = check_name, .help = "How people know the manager, or the team of a row without manager_id."},
    {"active", OPTION_CHOICE, AT(member_config, active), .fallback = "true", .words = flag_words, .help = "Whether the manager sells."},
    {"lead", OPTION_CHOICE, AT(member_config, lead), .fallback = "false", .words = flag_words, .help = "Whether the manager leads the team."},
    {"starts_on", OPTION_CUSTOM, AT(member_config, starts_on), .load = load_day, .form = "date", .schema = DATE_SCHEMA, .fallback_note = "always", .help = "First local day in the team."},
    {"ends_on", OPTION_CUSTOM, AT(member_config, ends_on), .load = load_day, .form = "date", .schema = DATE_SCHEMA, .fallback_note = "for ever", .help = "Last local day in the team."},
    {0},
};

static const char *const other_words[] = {"default", "none", NULL};

/* `least` is the type of what the source gives, so that constants and tables of values can be checked. */
#define SOURCE(member, type, default_note)                                                                             \
    #member, OPTION_CUSTOM, AT(input_config, member), .least = (type), .fallback_note = default_note,                  \
    .load = load_source, .form = "source", .schema = "{\"$ref\":\"#/$defs/source\"}"

const struct option input_options[] = {
    {"kind", OPTION_CHOICE, AT(input_config, kind), .words = kind_words, .required = true,
     .help = "What its messages are about."},
    {"topic", OPTION_TEXT, AT(input_config, topic), .fallback_note = "the kind's: leads, deals, payments, feedback", .check = check_topic,
     .help = "Kafka topic. All its partitions are read, from the earliest offset. A topic belongs to one input."},
    {"order_by", OPTION_CHOICE, AT(input_config, order_by), .fallback = "occurred_at", .words = order_words,
     .help = "What tells which of two events of a record is newer. Inputs of one kind must agree."},
    {"events", OPTION_CHOICE, AT(input_config, events), .fallback = "changes", .words = event_words,
     .help = "changes: a field that an event does not carry stays as it is. full: it is cleared, if this input maps it."},
    {"tombstones", OPTION_CUSTOM, AT(input_config, tombstones), .fallback_note = "delete; ordered by version: a dead letter", .load = load_tombstones,
     .form = "delete or ignore", .schema = "{\"enum\":[\"delete\",\"ignore\"]}",
     .help = "What an empty value does: delete the record that the message key names, or nothing."},
    {"filter", OPTION_CUSTOM, AT(input_config, filter), .load = load_filter,
     .form = "{member, in or not_in}", .schema = "{\"$ref\":\"#/$defs/filter\"}",
     .help = "Which messages count: those whose member (a name, or a JSON Pointer) is one of `in`, or none of `not_in`. The others are counted as filtered."},
    {SOURCE(key, FIELD_TEXT, "lead_id, deal_id, payment_id, feedback_id"),
     .help = "Which record an event belongs to."},
    {SOURCE(event_id, FIELD_TEXT, "event_id"),
     .help = "Names the message, so that a repeat can be told."},
    {SOURCE(version, FIELD_INTEGER, "version"),
     .help = "A whole number that grows with each change of the record."},
    {SOURCE(occurred_at, FIELD_TIME, "occurred_at"),
     .help = "When the change happened; where absent, the time stamp of the message."},
    {SOURCE(deleted, FIELD_CHOICE, "deleted"), .words = boolean_words,
     .help = "true: the record is gone."},
    {"other_fields", OPTION_CUSTOM, .fallback_note = "default", .words = other_words, .load = load_other_fields,
     .form = "default or none", .schema = "{\"enum\":[\"default\",\"none\"]}",
     .help = "What becomes of fields that `fields` does not name: read from the member of their name, or not read."},
    {"fields", OPTION_CUSTOM, .may_be_empty = true, .fallback_note = "each from the member of its name", .load = load_fields,
     .form = "{field: source}", .schema = "{\"$ref\":\"#/$defs/fields\"}",
     .help = "Where the fields of the record come from. An empty source (~): not read."},
    {0},
};

static const struct option kafka_options[] = {
    {"brokers", OPTION_TEXT, AT(kafka_config, brokers), .fallback = "localhost:9092", .check = check_brokers,
     .help = "Where to ask first: host:port, several with commas."},
    {"group", OPTION_TEXT, AT(kafka_config, group), .fallback = "kpid", .check = check_topic,
     .help = "Group that kpid names to the brokers, for their access lists. kpid keeps its own offsets; those committed under it are for lag monitors."},
    {"dead_letter_topic", OPTION_TEXT, AT(kafka_config, dead_letter_topic), .fallback = "kpid-dead-letters", .check = check_topic,
     .help = "Where messages go that cannot be read."},
    {"message_size_max", OPTION_SIZE, AT(kafka_config, message_size_max), .fallback = "1MiB", .least = KIB, .most = 64 * MIB,
     .help = "A larger value is a dead letter."},
    {"queue_size_max", OPTION_SIZE, AT(kafka_config, queue_bytes_max), .fallback = "8MiB", .least = MIB, .most = GIB,
     .help = "Values of messages that are fetched ahead. With what librdkafka keeps of each, Kafka's side may take about six times as much."},
    {"metadata_refresh", OPTION_DURATION, AT(kafka_config, metadata_refresh_ms), .fallback = "10s", .least = MS_S, .most = MS_H,
     .help = "How often new partitions are looked for."},
    {"clock_skew", OPTION_DURATION, AT(kafka_config, clock_skew_ms), .fallback = "5m", .least = 0, .most = 365 * MS_D,
     .help = "How far occurred_at may be ahead of the message's time stamp; what is further is a dead letter."},
    {"on_gap", OPTION_CHOICE, AT(kafka_config, on_gap), .fallback = "continue", .words = on_gap_words,
     .help = "When messages are gone from a topic before they were read: go on with what is left and say so, or stop."},
    {"dead_letters_unsent_max", OPTION_INTEGER, AT(kafka_config, dead_letters_unsent_max), .fallback = "1000", .least = 1, .most = 100000,
     .help = "Dead letters that wait for their delivery report; at that number reading pauses."},
    {"sasl_password", OPTION_SECRET, .property = "sasl.password", .help = "Password for SASL."},
    {"sasl_oauthbearer_client_secret", OPTION_SECRET, .property = "sasl.oauthbearer.client.secret", .help = "Client secret for OIDC."},
    {"ssl_key_password", OPTION_SECRET, .property = "ssl.key.password", .help = "Passphrase of the client's private key."},
    {"ssl_keystore_password", OPTION_SECRET, .property = "ssl.keystore.password", .help = "Password of the client's PKCS#12 keystore."},
    {"properties", OPTION_CUSTOM, .may_be_empty = true, AT(kafka_config, properties), .load = load_properties,
     .form = "{property: value}", .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\"]}}",
     .help = "Passed to librdkafka as they are, such as security.protocol. Those that kpid sets itself, and secrets, are refused."},
    {0},
};

static const struct option redis_options[] = {
    {"host", OPTION_TEXT, AT(redis_config, host), .fallback = "localhost", .check = check_host, .help = "Name or address of the server."},
    {"port", OPTION_INTEGER, AT(redis_config, port), .fallback = "6379", .least = 1, .most = 65535, .help = "Its TCP port."},
    {"socket", OPTION_TEXT, AT(redis_config, unix_socket), .help = "Path of its Unix socket, instead of host and port."},
    {"user", OPTION_TEXT, AT(redis_config, user), .help = "User for AUTH; without it, the password alone is sent."},
    {"password", OPTION_SECRET, AT(redis_config, password), .help = "Password for AUTH."},
    {"tls", OPTION_CHOICE, AT(redis_config, tls), .fallback = "false", .words = flag_words,
     .help = "Whether connections are encrypted, those to sentinels as well: TLS 1.2 or later, and the server's certificate must name the host."},
    {"tls_ca", OPTION_TEXT, AT(redis_config, tls_ca), .fallback_note = "the system's", .help = "File with the certificates (PEM) of the authorities that are trusted."},
    {"tls_cert", OPTION_TEXT, AT(redis_config, tls_cert), .fallback_note = "none", .help = "File with kpid's own certificate (PEM), and those between it and its authority, for a server that wants one."},
    {"tls_key", OPTION_TEXT, AT(redis_config, tls_key), .fallback_note = "none", .help = "File with the private key of it (PEM, without a passphrase)."},
    {"tls_server_name", OPTION_TEXT, AT(redis_config, tls_server_name), .check = check_server_name, .fallback_note = "the host", .help = "Whom the certificate must name instead of the host: for a server, or sentinels, that are reached by an address."},
    {"sentinels", OPTION_CUSTOM, AT(redis_config, sentinels), .load = load_sentinels, .form = "list of host:port", .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}",
     .fallback_note = "none", .help = "Sentinels that are asked in turn where the master is, instead of host and port. Without a port: 26379."},
    {"sentinel_master", OPTION_TEXT, AT(redis_config, sentinel_master), .check = check_namespace, .help = "Name under which the sentinels know the master."},
    {"sentinel_user", OPTION_TEXT, AT(redis_config, sentinel_user), .help = "User for AUTH with the sentinels; without it, their password alone is sent."},
    {"sentinel_password", OPTION_SECRET, AT(redis_config, sentinel_password), .help = "Password for AUTH with the sentinels; without it none is sent to them."},
    {"database", OPTION_INTEGER, AT(redis_config, database), .fallback = "0", .least = 0, .most = 65535, .help = "Number of the database."},
    {"namespace", OPTION_TEXT, AT(redis_config, namespace_), .fallback = "default", .check = check_namespace,
     .help = "Keys begin with `kpid:{<namespace>}:`. Two companies on one server need two."},
    {"timeout", OPTION_DURATION, AT(redis_config, timeout_ms), .fallback = "2s", .least = 10, .most = MS_M, .help = "For connecting, and for the answer to a command."},
    {"backoff_max", OPTION_DURATION, AT(redis_config, backoff_max_ms), .fallback = "5s", .least = 100, .most = 10 * MS_M,
     .help = "The longest wait between two attempts to connect."},
    {"lease", OPTION_DURATION, AT(redis_config, lease_ms), .fallback = "3s", .least = 300, .most = MS_M,
     .help = "Of two instances the one that publishes and tells alerts is known by a lease of this length; when it is gone, the other one takes over after at most this and a sixth more."},
    {0},
};

static const struct option publish_options[] = {
    {"tick", OPTION_DURATION, AT(publish_config, tick_ms), .fallback = "100ms", .least = 10, .most = MS_M,
     .help = "At most this long between two publishes while events come."},
    {"idle", OPTION_DURATION, AT(publish_config, idle_ms), .fallback = "1s", .least = 100, .most = MS_M,
     .help = "How often time moves, and meta is renewed, while nothing comes."},
    {"max_atomic", OPTION_INTEGER, AT(publish_config, max_atomic), .fallback = "2000", .least = 1, .most = 100000,
     .help = "Commands in one transaction; a larger publish is prepared beside and then moved in."},
    {"meta_ttl", OPTION_DURATION, AT(publish_config, meta_ttl_ms), .fallback = "15s", .least = MS_S, .most = MS_H,
     .help = "meta expires after this long without a publish or a part of one, so that a dead daemon is seen; without a checkpoint the first publish waits "
             "for the end of the past, a third of this at most."},
    {"alerts_log_max", OPTION_INTEGER, AT(publish_config, alerts_log_max), .fallback = "10000", .least = 1, .most = 1000000,
     .help = "Entries that the stream alerts:log keeps, about."},
    {0},
};

static const struct option board_options[] = {
    {"dimensions", OPTION_CUSTOM, AT(board_config, dimension), .fallback = "[manager, team, product]", .load = load_board_dimensions,
     .form = "list of dimensions", .schema = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/dimension\"}}", .help = "Dimensions whose entities are ranked."},
    {"kpis", OPTION_CUSTOM, AT(board_config, kpi), .fallback = "[sales_volume, deals_won, win_rate, revenue, conversion, average_check]", .load = load_board_kpis,
     .form = "list of KPIs", .schema = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/kpi\"}}", .help = "KPIs by which they are ranked."},
    {"windows", OPTION_CUSTOM, .may_be_empty = true, AT(board_config, window), .fallback = "[today, week, month, quarter]", .load = load_board_windows,
     .fallback_note = "of these, those that `windows` has",
     .form = "list of windows", .schema = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/window\"}}", .help = "Windows over which they are ranked."},
    {0},
};

const struct option receiver_options[] = {
    {"name", OPTION_TEXT, AT(receiver_config, name), .required = true, .check = check_name, .help = "Name by which rules name it."},
    {"url", OPTION_SECRET, AT(receiver_config, url), .required = true, .inline_too = true, .check = check_url,
     .help = "Where alerts are posted: http:// or https://."},
    {"hmac_secret", OPTION_SECRET, AT(receiver_config, hmac_secret), .help = "Key with which the body is signed; without one it is not."},
    {"headers", OPTION_CUSTOM, .may_be_empty = true, AT(receiver_config, headers), .load = load_headers,
     .form = "{header: text or {file, env or credential}}", .schema = "{\"$ref\":\"#/$defs/headers\"}",
     .help = "HTTP headers to send along. A secret one is written as {env: NAME}, {file: PATH} or {credential: NAME}."},
    {"timeout", OPTION_DURATION, AT(receiver_config, timeout_ms), .fallback = "10s", .least = 100, .most = 5 * MS_M, .help = "For one attempt."},
    {"retry_for", OPTION_DURATION, AT(receiver_config, retry_for_ms), .fallback = "1d", .least = 0, .most = 30 * MS_D,
     .help = "A delivery is given up after this long; 0s = never while kpid runs."},
    {0},
};

#define THRESHOLD_SCHEMA "{\"type\":[\"number\",\"string\"]}"
#define THRESHOLD(word, comparison, text)                                                                              \
    {word, OPTION_CUSTOM, .least = (comparison), .load = load_threshold, .form = "value", .schema = THRESHOLD_SCHEMA, .help = text}

const struct option rule_options[] = {
    {"name", OPTION_TEXT, AT(rule_config, name), .required = true, .check = check_name, .help = "Name of the rule, part of each alert's key."},
    {"kpi", OPTION_CUSTOM, AT(rule_config, kpi), .required = true, .load = load_kpi, .form = "KPI", .schema = "{\"anyOf\":[{\"$ref\":\"#/$defs/kpi\"},{\"type\":\"string\",\"pattern\":\"^[a-z0-9_]+\\\\.(attainment|forecast|pace|required_rate|target)$\"}]}", .help = "What is watched: a KPI, or what is said of its target, such as sales_volume.pace."},
    {"dimension", OPTION_CUSTOM, AT(rule_config, dimension), .fallback = "company", .load = load_dimension, .form = "dimension", .schema = "{\"$ref\":\"#/$defs/dimension\"}", .help = "Of whom."},
    {"window", OPTION_CUSTOM, AT(rule_config, window), .required = true, .load = load_window, .form = "window", .schema = "{\"$ref\":\"#/$defs/window\"}",
     .help = "Over which time. It must be one of the dimension's `windows`."},
    {"entities", OPTION_CUSTOM, AT(rule_config, entities), .fallback_note = "all of the dimension", .load = load_entities, .form = "list of names",
     .schema = "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}}", .help = "Only these."},
    THRESHOLD("below", BELOW, "Breached while the value is below. A rule has one of below, at_most, above and at_least: a decimal, a ratio also in percent, a time with its unit."),
    THRESHOLD("at_most", AT_MOST, "Breached while the value is at most this."),
    THRESHOLD("above", ABOVE, "Breached while the value is above."),
    THRESHOLD("at_least", AT_LEAST, "Breached while the value is at least this."),
    {"clear", OPTION_CUSTOM, AT(rule_config, clear_micro), .fallback_note = "the threshold", .load = load_clear, .form = "value", .schema = THRESHOLD_SCHEMA,
     .help = "The alert is resolved only when the value has come back past this, on the healthy side of the threshold."},
    {"for", OPTION_DURATION, AT(rule_config, for_ms), .fallback = "0s", .least = 0, .most = 365 * MS_D, .help = "The breach must last this long before the alert fires."},
    {"sample_min", OPTION_INTEGER, AT(rule_config, sample_min), .fallback = "1", .least = 1, .most = 1000000000,
     .help = "A value of fewer records is no value: it neither fires nor resolves."},
    {"severity", OPTION_CHOICE, AT(rule_config, severity), .fallback = "warning", .words = severity_words, .help = "How bad it is."},
    {"summary", OPTION_TEXT, AT(rule_config, summary), .fallback_note = "made from the rule", .check = check_summary, .help = "A sentence for people, sent along."},
    {"receivers", OPTION_CUSTOM, AT(rule_config, receivers), .fallback_note = "every receiver", .load = load_rule_receivers, .form = "list of receivers",
     .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", .help = "Who is told; [] = nobody, the alert is in Redis only."},
    {0},
};

static const struct option alert_options[] = {
    {"every", OPTION_DURATION, AT(alert_config, every_ms), .fallback = "10s", .least = MS_S, .most = MS_H, .help = "The grid of instants at which rules are evaluated."},
    {"queue_max", OPTION_INTEGER, AT(alert_config, queue_max), .fallback = "1000", .least = 1, .most = 1000000, .help = "Deliveries that wait for their receivers."},
    {"without_redis", OPTION_DURATION, AT(alert_config, without_redis_ms), .fallback = "10s", .least = 0, .most = MS_H,
     .help = "An alert is noted in Redis before it is sent. While Redis is away it waits this long and is then sent all the same, though it may come twice; 0s = never, for two instances."},
    {"receivers", OPTION_LIST, .may_be_empty = true, AT(alert_config, receivers), .options = receiver_options, .load = load_receivers, .help = "Who can be told."},
    {"rules", OPTION_LIST, .may_be_empty = true, AT(alert_config, rules), .options = rule_options, .load = load_rules, .help = "What is told."},
    {0},
};

static const struct option http_options[] = {
    {"address", OPTION_TEXT, AT(http_config, address), .fallback = "127.0.0.1", .check = check_address,
     .help = "Address on which /metrics, /livez and /readyz are served. They have no password: think before opening it."},
    {"port", OPTION_INTEGER, AT(http_config, port), .fallback = "9464", .least = 0, .most = 65535, .help = "TCP port; 0 = no endpoint."},
    {0},
};

static const struct option log_options[] = {
    {"format", OPTION_CHOICE, AT(log_config, format), .fallback = "logfmt", .words = format_words, .help = "How a line looks."},
    {"level", OPTION_CHOICE, AT(log_config, level), .fallback = "info", .words = level_words, .help = "The least important lines that are written."},
    {0},
};

static const struct option correction_options[] = {
    {"mode", OPTION_CHOICE, AT(config, corrections), .fallback = "restate", .words = correction_words,
     .help = "Where a change of what a deal or payment added to sales, losses or revenue counts: where it belongs (restate), or when it was made (book)."},
    {"lock", OPTION_CUSTOM, AT(config, lock_day), .load = load_day, .form = "date", .schema = DATE_SCHEMA, .fallback_note = "nothing is closed",
     .help = "First local day of the books that are open: what changes before it from then on is booked when it is made."},
    {0},
};

static const struct option strength_options[] = {
    {"windows", OPTION_CUSTOM, AT(strengths_config, window), .fallback = "[month, quarter]", .fallback_note = "month and quarter, where managers have them", .load = load_strength_windows,
     .form = "list of windows", .schema = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/window\"}}",
     .help = "Windows in which managers are compared with their team: any but now. An empty list: none."},
    {"k", OPTION_INTEGER, AT(strengths_config, k), .fallback = "10", .least = 0, .most = 1000000,
     .help = "How many records of a manager weigh as much as the level of the team: with fewer the value is drawn to that, with many it stands for itself. 0 = always for itself."},
    {0},
};

static const char *const every_words[] = {"day", "hour", NULL};
const struct option series_options[] = {
    {"dimension", OPTION_CUSTOM, AT(series_config, dimension), .required = true, .load = load_dimension, .form = "dimension", .schema = "{\"$ref\":\"#/$defs/dimension\"}", .help = "Of whom."},
    {"kpis", OPTION_CUSTOM, AT(series_config, kpi), .required = true, .load = load_series_kpis, .form = "list of KPIs", .schema = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/kpi\"}}", .help = "KPIs of a span of time."},
    {"every", OPTION_CHOICE, AT(series_config, hourly), .fallback = "day", .words = every_words, .help = "What a point is of: a local day or hour."},
    {"points", OPTION_INTEGER, AT(series_config, points), .fallback = "30", .least = 1, .most = SERIES_POINTS_MAX, .help = "How many, with the one that runs."},
    {"entities", OPTION_CUSTOM, AT(series_config, entities), .fallback_note = "all of the dimension", .load = load_series_entities, .form = "list of names",
     .schema = "{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"number\",\"boolean\"]}}", .help = "Only these. Each one costs as many sums as it has points."},
    {0},
};

static const struct option checkpoint_options[] = {
    {"directory", OPTION_TEXT, AT(checkpoint_config, directory), .fallback_note = "$STATE_DIRECTORY, which systemd sets; without it there is no checkpoint",
     .help = "Folder for what must outlive a restart, kpid's alone. --checkpoint comes before it."},
    {"every", OPTION_DURATION, AT(checkpoint_config, every_ms), .fallback = "5s", .least = 100, .most = MS_H,
     .help = "How often what has changed is stored; so much is read from Kafka again after a kill -9."},
    {0},
};

static const struct option audit_options[] = {
    {"round", OPTION_DURATION, AT(audit_config, round_ms), .fallback = "1h", .least = 0, .most = 30 * MS_D,
     .help = "Time in which all numbers are derived from the records anew, beside the live ones, and compared; 0s = only on SIGUSR1."},
    {0},
};

static const struct option limit_options[] = {
    {"entities_max", OPTION_INTEGER, AT(limits_config, entities_max), .fallback = "100000", .least = 1, .most = 10000000,
     .help = "Names of one dimension that have an entity of their own: those with the least hashes. The rest count as (other)."},
    {"ring_size", OPTION_SIZE, AT(limits_config, ring_bytes), .fallback = "4MiB", .least = MIB, .most = GIB,
     .help = "Room between consumer and writer: a power of two."},
    {"memory_max", OPTION_SIZE, AT(limits_config, memory_max_bytes), .fallback_note = "by `MemoryMax`", .least = 16 * MIB, .most = 1024 * GIB,
     .help = "Memory of its own at which kpid reads nothing more from Kafka, and says so. Without: three quarters of the least `memory.max` of its control group, if that has one, less `ring_size` and six times `kafka.queue_size_max`, but at least half."},
    {0},
};

const struct option option_table[] = {
    {"company", OPTION_GROUP, .offset = 0, .options = company_options, .help = "Whose KPIs these are, and its calendar."},
    {"currencies", OPTION_CUSTOM, .may_be_empty = true, AT(config, currencies), .load = load_currencies,
     .form = "{currency: decimals}", .schema = "{\"type\":\"object\",\"propertyNames\":{\"$ref\":\"#/$defs/currency\"},\"additionalProperties\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":6}}",
     .help = "Currencies that ISO 4217 does not list, or with other digits after the point: 0 to 6."},
    {"rates", OPTION_LIST, .may_be_empty = true, AT(config, rates), .options = rate_options, .load = load_rates,
     .help = "Exchange rates to the base currency. An amount without a rate on or before its day adds nothing, and is counted."},
    {"organisation", OPTION_LIST, .may_be_empty = true, AT(config, members), .options = member_options, .load = load_organisation,
     .help = "Who is in which team, and when. Of records that name a manager and no team, this table says the team; an input of kind member adds to it."},
    {"kpis", OPTION_LIST, .may_be_empty = true, AT(config, kpis), .options = own_kpi_options, .load = load_kpis,
     .help = "Own KPIs: formulas over measures, with a filter over names. docs/own-kpis.md has the language."},
    {"calendars", OPTION_CUSTOM, .may_be_empty = true, AT(config, calendars), .load = load_calendars, .options = calendar_options,
     .form = "{name: calendar}", .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\"}}",
     .help = "Working calendars: `days`, `hours` and `holidays`. `default` is for whom no other is named; where it is not given, people work always."},
    {"teams", OPTION_CUSTOM, .may_be_empty = true, AT(config, teams), .load = load_teams, .options = team_options,
     .form = "{team: {calendar: name}}", .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\",\"properties\":{\"calendar\":{\"type\":\"string\"}},\"additionalProperties\":false}}",
     .help = "Which working calendar a team has, and with it its managers."},
    {"targets", OPTION_LIST, .may_be_empty = true, AT(config, targets), .options = target_options, .load = load_targets,
     .help = "What is to be reached. An input of kind target adds to it; docs/targets.md says how they count."},
    {"stages", OPTION_CUSTOM, .may_be_empty = true, AT(config, stages), .load = load_stages,
     .form = "{stage: ratio}", .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"number\",\"string\"]}}",
     .help = "Probability of deals in a stage that carry none of their own: a decimal from 0 to 1, or percent."},
    {"windows", OPTION_CUSTOM, .may_be_empty = true, AT(config, windows), .load = load_windows,
     .fallback = "[1h, 24h, 7d, today, yesterday, week, month, last_month, quarter, year, all, now]",
     .form = "list of windows, or {dimension or default: list}", .schema = "{\"$ref\":\"#/$defs/windows\"}",
     .help = "Spans of time over which KPIs are kept. A dimension that is not named has those of `default`."},
    {"inputs", OPTION_LIST, .may_be_empty = true, AT(config, inputs), .options = input_options, .load = load_inputs,
     .fallback = "[{kind: lead}, {kind: deal}, {kind: payment}, {kind: feedback}]",
     .help = "What is read. A list here replaces the default one: what it leaves out is not read."},
    {"kafka", OPTION_GROUP, AT(config, kafka), .options = kafka_options, .help = "Where events come from."},
    {"redis", OPTION_GROUP, AT(config, redis), .options = redis_options, .help = "Where KPIs go."},
    {"publish", OPTION_GROUP, AT(config, publish), .options = publish_options, .help = "How often, and how much at once."},
    {"boards", OPTION_GROUP, AT(config, publish.boards), .options = board_options, .help = "Rankings, as sorted sets: each KPI over each window for each dimension."},
    {"alerts", OPTION_GROUP, AT(config, alerts), .options = alert_options, .help = "Who is told what."},
    {"http", OPTION_GROUP, AT(config, http), .options = http_options, .help = "Metrics and health."},
    {"log", OPTION_GROUP, AT(config, log), .options = log_options, .help = "What is written to standard error."},
    {"corrections", OPTION_GROUP, .offset = 0, .options = correction_options, .help = "What happens to numbers that have been told."},
    {"series", OPTION_LIST, .may_be_empty = true, AT(config, series), .options = series_options, .load = load_series,
     .help = "KPIs by day or hour, for charts: keys `series:<dimension>:<entity>:<kpi>`."},
    {"strengths", OPTION_GROUP, AT(config, strengths), .options = strength_options, .help = "Managers against the peers of their team: docs/strengths.md. They need an organisation."},
    {"checkpoint", OPTION_GROUP, AT(config, checkpoint), .options = checkpoint_options, .help = "State on disk, from which a restart goes on."},
    {"audit", OPTION_GROUP, AT(config, audit), .options = audit_options, .help = "Whether the numbers are what the records say."},
    {"limits", OPTION_GROUP, AT(config, limits), .options = limit_options, .help = "What may grow no further."},
    {0},
};
/* clang-format on */
