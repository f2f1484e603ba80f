/* load.h - from the tree of a file into struct config, driven by the table of options.
 *
 * For config/ only. Every problem is reported and loading goes on; a configuration with problems is
 * thrown away in the end. An option that is not in the file is loaded from its default's text, so
 * the table is the only place where a default stands.
 * Thread: one, while the process has no other (calendar.h). Memory: all belongs to the config.
 */
#pragma once
#include "config/config.h"
#include "config/option.h"
#include "config/report.h"
#include "config/yaml.h"
#include <stdbool.h>

struct loader {
    struct report *report;
    struct config *config;
    const char *name; /* of the file: secrets are relative to its folder */
    bool secrets;     /* read them; otherwise "" stands for each */
    bool is_default;  /* what is being loaded is the default's text */
    /* Secrets for librdkafka, until its properties are loaded. */
    struct kafka_property kafka_secrets[8];
    size_t kafka_secret_count;
    config_property_check *property_check; /* may be NULL */
    bool input_is_broken[INPUTS_MAX];      /* its kind is not known, so that nothing more can be said about it */
    /* Of the rule that is being loaded. */
    const char *threshold; /* the option that gave it, NULL before */
    bool threshold_is_good, receivers_given;
};

/* A group's options from a map (NULL or nothing in it: all defaults) into its struct. */
void load_group(struct loader *l, const struct option *options, const char *what, const struct node *map, void *group);

/* False, and reported, where the value is broken or of another kind. */
bool want_scalar(struct loader *l, const char *what, const struct node *value);
bool want_list(struct loader *l, const char *what, const struct node *value);
bool want_map(struct loader *l, const char *what, const struct node *value);
/* A list of texts, which it calls `take` with, one by one. A single text is a list of one. */
typedef void take_item(struct loader *l, const struct node *item, void *to);
void load_texts(struct loader *l, const char *what, const struct node *value, take_item *take, void *to);
/* `take` for lists that are kept as they are; `to` is a struct text_list. An empty text is refused. */
struct text_list {
    char ***texts;
    size_t *count;
};
void take_text(struct loader *l, const struct node *item, void *to);
/* "unknown KPI ..."; a window that is well written but not kept is told as such. */
void report_unknown_kpi(struct loader *l, const struct node *item);
void report_unknown_window(struct loader *l, const struct node *item);
/* Where the option's value stands in the struct of its group. */
void *field_of(const struct option *o, void *group);
/* Frees what stood and copies. */
void set_text(char **p, struct text t);

/* A secret's value by where it is kept ("_file", "_env", "_credential"); NULL, and reported, where it cannot be
 * read; "" where the loader does not read them. The caller's to free. */
char *secret_read(struct loader *l, const char *suffix, const struct node *value);

/* checks.c: what may stand in a text option. */
text_check check_name, check_topic, check_host, check_server_name, check_address, check_namespace, check_brokers,
    check_url, check_summary;

/* Custom options. What stands in several groups: a local day (int64_t), an enum dimension. load.c */
option_load load_day, load_dimension;
/* The rest, one file a subject. */
option_load load_fiscal_month, load_base_currency, load_margin, load_time_zone, load_currencies, load_rates,
    load_stages;               /* load_company.c */
option_load load_organisation; /* load_organisation.c */
option_load load_calendars, load_calendar_name, load_days, load_hours, load_holidays, load_teams, load_targets,
    load_target_kpi, load_target_value;    /* load_plan.c */
extern const char *const week_day_words[]; /* Monday first, NULL ends them: option_table.c */
/* Every day, around the clock. */
void working_calendar_default(struct working_calendar_config *c, const char *name);
option_load load_kpis, load_formula, load_name_filter, load_sample; /* load_kpis.c */
extern const char *const own_unit_words[];
text_check check_own_name;
option_load load_windows, load_board_dimensions, load_board_kpis, load_board_windows;               /* load_windows.c */
option_load load_inputs, load_source, load_filter, load_fields, load_other_fields, load_tombstones; /* load_inputs.c */
option_load load_properties;                                                                        /* load_kafka.c */
option_load load_sentinels;                                                                         /* load_redis.c */
option_load load_receivers, load_headers, load_rules, load_kpi, load_window, load_entities, load_threshold, load_clear,
    load_rule_receivers; /* load_alerts.c */

option_load load_strength_windows;                               /* load_strengths.c */
option_load load_series, load_series_kpis, load_series_entities; /* load_series.c */

/* What options say about each other, after all are loaded: checks.c. */
void check_all(struct loader *l, const struct node *root);

/* The whole configuration from bytes; NULL and problems where it is wrong. */
struct config *config_load_bytes(const char *name, struct text bytes, bool secrets, struct config_problems *out);
