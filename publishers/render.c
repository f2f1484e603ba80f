#include "publishers/render.h"
#include "aggregators/kpi.h"
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

void render_window(struct rendered *r, enum kpi_clock clock, const struct sums *sums, const struct sums *previous,
                   int money_decimals)
{
    arguments_clear(&r->fields);
    buffer_clear(&r->texts);
    r->values = r->previous = 0;
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
            enum kpi_mark mark = kpi_marked(k, sums);
            if (mark != MARK_NONE) {
                arguments_joined(&r->fields, name, TEXT(".mark"));
                arguments_string(&r->fields, kpi_mark_name(mark));
            }
        }
        if (previous != NULL && kpi_evaluate(k, previous, &value)) {
            size_t at = r->texts.len;
            kpi_format(&r->texts, k, &value, money_decimals);
            r->previous |= UINT64_C(1) << i;
            arguments_joined(&r->fields, name, TEXT(".prev"));
            arguments_text(&r->fields, (struct text){r->texts.at + at, r->texts.len - at});
        }
    }
}

struct text rendered_value(const struct rendered *r, enum kpi k)
{
    REQUIRE(r->values >> k & 1);
    return (struct text){r->texts.at + r->text_at[k], r->text_len[k]};
}
