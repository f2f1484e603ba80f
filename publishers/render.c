#include "publishers/render.h"
#include "aggregators/attainment.h"
#include "aggregators/interval.h"
#include "aggregators/kpi.h"
#include "aggregators/own.h"
#include "base/error.h"
#include <string.h>

void rendered_init(struct rendered *r)
{
    memset(r, 0, sizeof *r);
    arguments_init(&r->fields);
    buffer_init(&r->texts);
}

void rendered_fini(struct rendered *r)
{
    arguments_fini(&r->fields);
    buffer_fini(&r->texts);
}

/* The name of a field that comes and goes by itself. */
static void add_extra(struct rendered *r, struct text kpi, struct text suffix)
{
    arguments_joined(&r->fields, kpi, suffix);
    r->extras = (r->extras + text_hash(kpi)) * UINT64_C(0x9E3779B97F4A7C15) + text_hash(suffix) + 1;
}

/* The text from `from` on as such a field. */
static void add_extra_text(struct rendered *r, struct text kpi, struct text suffix, size_t from)
{
    add_extra(r, kpi, suffix);
    arguments_text(&r->fields, (struct text){r->texts.at + from, r->texts.len - from});
}

/* What is said about the KPI beside its value. */
static void render_aspects(struct rendered *r, enum kpi k, const struct sums *sums,
                           const struct render_targets *targets, int money_decimals)
{
    const struct snapshot_target *target = NULL;
    if (targets->snapshot != NULL)
        target = snapshot_target_find(targets->snapshot, targets->entity, targets->window, k);
    for (unsigned a = ASPECT_VALUE + 1; a < ASPECT_COUNT; a++) {
        struct kpi_value value;
        if (!aspect_evaluate(k, (enum aspect)a, sums, target, targets->to_date, &value))
            continue;
        size_t at = r->texts.len;
        aspect_format(&r->texts, k, (enum aspect)a, &value, money_decimals);
        add_extra_text(r, text_of(kpi_info(k)->name), text_of(aspect_suffix((enum aspect)a)), at);
    }
}

/* Between what edges the value of a share lies. */
static void render_interval(struct rendered *r, enum kpi k, const struct kpi_value *value)
{
    struct interval interval;
    r->rank_len[k] = 0;
    if (!kpi_interval(k, value, &interval))
        return;
    size_t at = r->texts.len;
    interval_format(&r->texts, interval.low);
    r->rank_at[k] = (uint32_t)at;
    r->rank_len[k] = (uint32_t)(r->texts.len - at);
    add_extra(r, text_of(kpi_info(k)->name), TEXT(".low"));
    arguments_text(&r->fields, rendered_rank(r, k));
    at = r->texts.len;
    interval_format(&r->texts, interval.high);
    add_extra_text(r, text_of(kpi_info(k)->name), TEXT(".high"), at);
}

/* Own KPIs: like the built-in ones, but on no board. */
static void render_own(struct rendered *r, const struct sums *sums, const struct sums *previous,
                       const struct render_targets *at, int money_decimals)
{
    const struct config *config = at->own->config;
    struct own_sums own, own_previous;
    snapshot_own_sums(at->snapshot, at->entity, at->window, &own, &own_previous);
    for (unsigned k = 0; k < config->kpi_count; k++) {
        const struct own_kpi_config *kpi = &config->kpis[k];
        struct text name = text_of(kpi->name);
        struct kpi_value value, before;
        bool has_value = own_evaluate(at->own, k, sums, &own, &value);
        size_t from = r->texts.len;
        if (has_value) {
            own_format(&r->texts, at->own, k, &value, money_decimals);
            add_extra_text(r, name, TEXT(""), from);
        }
        if (has_value && value.n != 0) {
            add_extra(r, name, TEXT(".n"));
            arguments_integer(&r->fields, value.n);
        }
        if (previous != NULL && own_evaluate(at->own, k, previous, &own_previous, &before)) {
            from = r->texts.len;
            own_format(&r->texts, at->own, k, &before, money_decimals);
            add_extra_text(r, name, TEXT(".prev"), from);
        }
        const struct snapshot_target *target =
            snapshot_target_find(at->snapshot, at->entity, at->window, KPI_COUNT + k);
        for (unsigned a = ASPECT_VALUE + 1; a < ASPECT_COUNT; a++) {
            struct kpi_value v;
            if (!aspect_evaluate_own((enum aspect)a, has_value ? &value : NULL, kpi->formula.is_sum,
                                     kpi->absent == ABSENT_ZERO, target, &v))
                continue;
            from = r->texts.len;
            aspect_format_unit(&r->texts, own_kpi_unit(kpi), (enum aspect)a, &v, money_decimals);
            add_extra_text(r, name, text_of(aspect_suffix((enum aspect)a)), from);
        }
    }
}

void render_window(struct rendered *r, enum kpi_clock clock, const struct sums *sums, const struct sums *previous,
                   const struct render_targets *targets, int money_decimals)
{
    arguments_clear(&r->fields);
    buffer_clear(&r->texts);
    r->values = r->previous = r->extras = 0;
    for (unsigned i = 0; i < KPI_COUNT; i++) {
        enum kpi k = (enum kpi)i;
        const struct kpi_info *info = kpi_info(k);
        if (info->clock != clock || kpi_ages(k))
            continue;
        struct text name = text_of(info->name);
        struct kpi_value value;
        if (kpi_evaluate(k, sums, &value)) {
            size_t at = r->texts.len;
            kpi_format(&r->texts, k, &value, money_decimals);
            r->text_at[i] = (uint32_t)at;
            r->text_len[i] = (uint32_t)(r->texts.len - at);
            r->values |= UINT64_C(1) << i;
            arguments_text(&r->fields, name);
            arguments_text(&r->fields, rendered_value(r, k));
            arguments_joined(&r->fields, name, TEXT(".n"));
            arguments_integer(&r->fields, value.n);
            render_interval(r, k, &value);
            enum kpi_mark mark = kpi_marked(k, sums);
            if (mark != MARK_NONE) {
                add_extra(r, name, TEXT(".mark"));
                arguments_string(&r->fields, kpi_mark_name(mark));
            }
        }
        render_aspects(r, k, sums, targets, money_decimals);
        if (previous != NULL && kpi_evaluate(k, previous, &value)) {
            size_t at = r->texts.len;
            kpi_format(&r->texts, k, &value, money_decimals);
            r->previous |= UINT64_C(1) << i;
            arguments_joined(&r->fields, name, TEXT(".prev"));
            arguments_text(&r->fields, (struct text){r->texts.at + at, r->texts.len - at});
        }
    }
    if (targets->own != NULL && clock == KPI_SPAN)
        render_own(r, sums, previous, targets, money_decimals);
    if (r->fields.count > 0 && clock == KPI_SPAN && targets->snapshot != NULL &&
        snapshot_is_provisional(targets->snapshot, targets->window)) {
        add_extra(r, TEXT("provisional"), TEXT(""));
        arguments_string(&r->fields, "1");
    }
}

struct text rendered_value(const struct rendered *r, enum kpi k)
{
    REQUIRE(r->values >> k & 1);
    return (struct text){r->texts.at + r->text_at[k], r->text_len[k]};
}

struct text rendered_rank(const struct rendered *r, enum kpi k)
{
    if (r->rank_len[k] == 0)
        return rendered_value(r, k);
    return (struct text){r->texts.at + r->rank_at[k], r->rank_len[k]};
}
