/* Any bytes as a configuration: it is taken, or refused with at least one problem; never both, never a crash. What is
 * taken is checked for what the rest of kpid relies on. */
#include "base/error.h"
#include "config/load.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_source(const struct field_source *s)
{
    REQUIRE(s->name != NULL);
    for (size_t i = 0; i < s->map_count; i++) {
        REQUIRE(s->map[i].from != NULL && s->map[i].to != NULL);
    }
}

static void require_sound(const struct config *c)
{
    REQUIRE(c->company != NULL && c->time_zone != NULL && c->kafka.brokers != NULL && c->redis.password != NULL);
    REQUIRE(c->week_start >= 1 && c->week_start <= 7 && c->fiscal_month >= 1 && c->fiscal_month <= 12);
    REQUIRE(config_currency_decimals(c, c->base_currency) >= 0);
    REQUIRE(c->window_count <= WINDOWS_MAX && c->input_count >= 1 && c->input_count <= INPUTS_MAX);
    for (size_t i = 1; i < c->rate_count; i++) {
        const struct rate_config *a = &c->rates[i - 1], *b = &c->rates[i];
        REQUIRE(a->code < b->code || (a->code == b->code && a->day < b->day));
    }
    for (unsigned i = 0; i < c->input_count; i++) {
        const struct input_config *in = &c->inputs[i];
        REQUIRE(in->topic[0] != '\0' && in->filter.pointer != NULL && in->key.kind != SOURCE_NONE);
        require_source(&in->key);
        require_source(&in->event_id);
        require_source(&in->version);
        require_source(&in->occurred_at);
        require_source(&in->deleted);
        for (unsigned f = 0; f < FIELD_COUNT_MAX; f++) {
            require_source(&in->fields[f]);
        }
    }
    for (size_t i = 0; i < c->alerts.rule_count; i++) {
        const struct rule_config *r = &c->alerts.rules[i];
        REQUIRE(r->kpi < KPI_COUNT && r->dimension < DIMENSION_COUNT && r->window < c->window_count);
        REQUIRE(c->dimension_windows[r->dimension][r->window]);
        REQUIRE((kpi_info(r->kpi)->clock == KPI_NOW) == (c->windows[r->window].kind == WINDOW_NOW));
        bool low_is_bad = r->comparison == BELOW || r->comparison == AT_MOST;
        REQUIRE(low_is_bad ? r->clear_micro >= r->threshold_micro : r->clear_micro <= r->threshold_micro);
        for (size_t k = 0; k < r->receiver_count; k++) {
            REQUIRE(r->receivers[k] < c->alerts.receiver_count);
        }
    }
    for (size_t i = 0; i < c->alerts.receiver_count; i++) {
        REQUIRE(c->alerts.receivers[i].name[0] != '\0' && c->alerts.receivers[i].url != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_problems problems = {0};
    /* Without secrets: a fuzzer must not read whatever file it comes to name. */
    struct config *c = config_load_bytes("fuzz", (struct text){(const char *)data, size}, false, &problems);
    REQUIRE((c == NULL) == (problems.count > 0));
    for (size_t i = 0; i < problems.count; i++) {
        REQUIRE(text_is_utf8(text_of(problems.lines[i])));
    }
    if (c != NULL) {
        require_sound(c);
    }
    config_destroy(c);
    config_problems_fini(&problems);
    return 0;
}
