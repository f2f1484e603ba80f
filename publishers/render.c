#include "publishers/render.h"
#include "aggregators/attainment.h"
#include "aggregators/interval.h"
#include "aggregators/kpi.h"
#include "aggregators/own.h"
#include "base/error.h"
#include <stdlib.h>
#include <string.h>

/* By which hashes of one after the other become one: odd, and half of its bits are set. */
#define HASH_STEP UINT64_C(0x9E3779B97F4A7C15)

static void make_names(struct rendered *r)
{
    static const char *const suffixes[PART_COUNT] = {"", ".n", ".low", ".high", ".mark", ".prev"};
    struct arguments one;
    arguments_init(&one);
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        for (unsigned p = 0; p < PART_COUNT; p++) {
            arguments_clear(&one);
            arguments_joined(&one, text_of(kpi_info((enum kpi)k)->name), text_of(suffixes[p]));
            struct text bytes = buffer_view(&one.bytes);
            struct part_name *name = &r->name[k][p];
            *name = (struct part_name){.at = (uint32_t)r->names.len, .hash = text_hash(bytes)};
            buffer_text(&r->names, bytes);
            buffer_string(&r->names, ARGUMENT_OPEN);
            name->len = (uint32_t)r->names.len - name->at;
        }
    }
    arguments_fini(&one);
}

void rendered_init(struct rendered *r)
{
    memset(r, 0, sizeof *r);
    arguments_init(&r->fields);
    buffer_init(&r->names);
    make_names(r);
}

void rendered_fini(struct rendered *r)
{
    arguments_fini(&r->fields);
    buffer_fini(&r->names);
    free(r->list);
}

static void note_extra(struct rendered *r, uint64_t name_hash)
{
    uint64_t *extras = &r->pieces[r->piece].extras;
    *extras = *extras * HASH_STEP + name_hash;
    *extras += *extras == 0;
}

/* The name of a field; its value is added to the bytes of `fields`, and closed by close_field. */
static size_t open_part(struct rendered *r, enum kpi k, enum part p)
{
    const struct part_name *name = &r->name[k][p];
    r->name_hash = name->hash;
    return arguments_open_ready(&r->fields, (struct text){r->names.at + name->at, name->len});
}

/* The same for a field that comes and goes by itself. */
static size_t open_extra(struct rendered *r, struct text kpi, struct text suffix)
{
    size_t from = r->fields.bytes.len;
    arguments_joined(&r->fields, kpi, suffix);
    r->name_hash = text_hash((struct text){r->fields.bytes.at + from, r->fields.bytes.len - from});
    note_extra(r, r->name_hash);
    return arguments_open(&r->fields);
}

static struct text value_of(const struct rendered *r, const struct rendered_field *f)
{
    return (struct text){r->fields.bytes.at + f->value_at, f->value_len};
}

static void close_field(struct rendered *r, size_t opened)
{
    const struct rendered_field *before = r->field_count > 0 ? &r->list[r->field_count - 1] : NULL;
    uint32_t value_len = (uint32_t)(r->fields.bytes.len - opened);
    struct rendered_field f = {.at = before != NULL ? before->at + before->len : 0,
                               .value_at = (uint32_t)arguments_close(&r->fields, opened),
                               .value_len = value_len,
                               .piece = (uint8_t)r->piece};
    f.len = (uint32_t)r->fields.bytes.len - f.at;
    f.hash = text_hash(value_of(r, &f)) + r->name_hash * HASH_STEP;
    if (r->field_count == r->list_room) /* nearly never, and there are very many */
        r->list = must_grow(r->list, &r->list_room, r->field_count, sizeof *r->list);
    r->list[r->field_count++] = f;
    uint64_t *hash = &r->pieces[r->piece].hash;
    *hash = *hash * HASH_STEP + f.hash;
}

static size_t open_extra_part(struct rendered *r, enum kpi k, enum part p)
{
    note_extra(r, r->name[k][p].hash);
    return open_part(r, k, p);
}

/* What is said about the KPI beside its value. */
static void render_aspects(struct rendered *r, enum kpi k, const struct sums *sums,
                           const struct render_targets *targets, int money_decimals)
{
    const struct snapshot_target *target = NULL;
    if (targets->snapshot != NULL)
        target = snapshot_target_find(targets->snapshot, targets->entity, targets->window, k);
    if (target == NULL && !targets->to_date)
        return;
    for (unsigned i = ASPECT_VALUE + 1; i < ASPECT_COUNT; i++) {
        enum aspect a = (enum aspect)i;
        struct kpi_value value;
        if (target == NULL && a != ASPECT_FORECAST) /* all else is of a target */
            continue;
        if (!aspect_evaluate(k, a, sums, target, targets->to_date, &value))
            continue;
        size_t at = open_extra(r, text_of(kpi_info(k)->name), text_of(aspect_suffix(a)));
        aspect_format(&r->fields.bytes, k, a, &value, money_decimals);
        close_field(r, at);
    }
}

/* Between what edges the value of a share lies. */
static void render_interval(struct rendered *r, enum kpi k, const struct kpi_value *value)
{
    struct interval interval;
    struct arguments *fields = &r->fields;
    if (!kpi_interval(k, value, &interval))
        return;
    size_t at = open_extra_part(r, k, PART_LOW);
    interval_format(&fields->bytes, interval.low);
    r->rank_field[k] = r->field_count;
    close_field(r, at);
    at = open_extra_part(r, k, PART_HIGH);
    interval_format(&fields->bytes, interval.high);
    close_field(r, at);
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
        struct arguments *fields = &r->fields;
        if (has_value) {
            size_t from = open_extra(r, name, TEXT(""));
            own_format(&fields->bytes, at->own, k, &value, money_decimals);
            close_field(r, from);
        }
        if (has_value && value.n != 0) {
            size_t from = open_extra(r, name, TEXT(".n"));
            buffer_integer(&fields->bytes, value.n);
            close_field(r, from);
        }
        if (previous != NULL && own_evaluate(at->own, k, previous, &own_previous, &before)) {
            size_t from = open_extra(r, name, TEXT(".prev"));
            own_format(&fields->bytes, at->own, k, &before, money_decimals);
            close_field(r, from);
        }
        const struct snapshot_target *target =
            snapshot_target_find(at->snapshot, at->entity, at->window, KPI_COUNT + k);
        for (unsigned a = ASPECT_VALUE + 1; a < ASPECT_COUNT; a++) {
            struct kpi_value v;
            if (!aspect_evaluate_own((enum aspect)a, has_value ? &value : NULL, kpi->formula.is_sum,
                                     kpi->absent == ABSENT_ZERO, target, &v))
                continue;
            size_t from = open_extra(r, name, text_of(aspect_suffix((enum aspect)a)));
            aspect_format_unit(&fields->bytes, own_kpi_unit(kpi), (enum aspect)a, &v, money_decimals);
            close_field(r, from);
        }
    }
}

static void render_value(struct rendered *r, enum kpi k, const struct sums *sums, const struct kpi_value *value,
                         int money_decimals)
{
    struct arguments *fields = &r->fields;
    r->values |= UINT64_C(1) << k;
    size_t at = open_part(r, k, PART_VALUE);
    kpi_format(&fields->bytes, k, value, money_decimals);
    r->value_field[k] = r->rank_field[k] = r->field_count;
    close_field(r, at);
    at = open_part(r, k, PART_N);
    buffer_integer(&fields->bytes, value->n);
    close_field(r, at);
    render_interval(r, k, value);
    enum kpi_mark mark = kpi_marked(k, sums);
    if (mark != MARK_NONE) {
        at = open_extra_part(r, k, PART_MARK);
        buffer_string(&fields->bytes, kpi_mark_name(mark));
        close_field(r, at);
    }
}

static void render_kpi(struct rendered *r, enum kpi k, const struct sums *sums, const struct sums *previous,
                       const struct render_targets *targets, int money_decimals)
{
    struct kpi_value value;
    if (kpi_evaluate(k, sums, &value))
        render_value(r, k, sums, &value, money_decimals);
    render_aspects(r, k, sums, targets, money_decimals);
    if (previous != NULL && kpi_evaluate(k, previous, &value)) {
        r->previous |= UINT64_C(1) << k;
        size_t at = open_part(r, k, PART_PREVIOUS);
        kpi_format(&r->fields.bytes, k, &value, money_decimals);
        close_field(r, at);
    }
}

void render_window(struct rendered *r, unsigned pieces, enum kpi_clock clock, const struct sums *sums,
                   const struct sums *previous, const struct render_targets *targets, int money_decimals)
{
    arguments_clear(&r->fields);
    r->field_count = 0;
    r->values = r->previous = 0;
    r->provisional = false;
    memset(r->pieces, 0, sizeof r->pieces);
    for (uint64_t rest = pieces_kpis(pieces); rest != 0; rest &= rest - 1) {
        enum kpi k = (enum kpi)__builtin_ctzll(rest);
        if (kpi_info(k)->clock != clock || kpi_ages(k))
            continue;
        r->piece = piece_of(k);
        render_kpi(r, k, sums, previous, targets, money_decimals);
    }
    /* They may be made of all sums. */
    if (targets->own != NULL && clock == KPI_SPAN && pieces >> PIECE_MIXED & 1) {
        r->piece = PIECE_MIXED;
        render_own(r, sums, previous, targets, money_decimals);
    }
    if (r->fields.count > 0 && clock == KPI_SPAN && targets->snapshot != NULL &&
        snapshot_is_provisional(targets->snapshot, targets->window)) {
        r->provisional = true;
        arguments_string(&r->fields, "provisional");
        arguments_string(&r->fields, "1");
    }
}

struct text rendered_value(const struct rendered *r, enum kpi k)
{
    REQUIRE(r->values >> k & 1);
    return value_of(r, &r->list[r->value_field[k]]);
}

struct text rendered_rank(const struct rendered *r, enum kpi k)
{
    REQUIRE(r->values >> k & 1);
    return value_of(r, &r->list[r->rank_field[k]]);
}

bool rendered_rank_stands(const struct rendered *r, enum kpi k)
{
    REQUIRE(r->values >> k & 1);
    return r->list[r->rank_field[k]].stands;
}
