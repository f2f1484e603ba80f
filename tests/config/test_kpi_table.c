#include "base/text.h"
#include "config/kpi_table.h"
#include <criterion/criterion.h>
#include <string.h>

Test(kpi_table, every_kpi_is_found_by_its_name)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        const struct kpi_info *info = kpi_info((enum kpi)k);
        cr_expect_eq(kpi_find(text_of(info->name)), k);
        cr_expect(strlen(info->formula) > 0 && strlen(info->label_en) > 0 && strlen(info->label_ru) > 0, "%s",
                  info->name);
        cr_expect(text_is_utf8(text_of(info->label_ru)));
        cr_expect(strlen(kpi_unit_name(info->unit)) > 0);
    }
    cr_expect_eq(kpi_find(TEXT("winrate")), KPI_COUNT);
}

/* What may be absent: a count or sum stands for 0, a ratio, mean or quantile for no value. CONTRACT 4. */
Test(kpi_table, absence_follows_the_unit)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        const struct kpi_info *info = kpi_info((enum kpi)k);
        bool is_sum = info->unit == UNIT_COUNT || info->unit == UNIT_QUANTITY ||
                      (info->unit == UNIT_MONEY && k != KPI_AVERAGE_CHECK && k != KPI_CAC && k != KPI_VELOCITY);
        cr_expect_eq(info->absent == ABSENT_ZERO, is_sum, "%s", info->name);
    }
}

Test(kpi_table, only_what_stands_belongs_to_now)
{
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        bool is_open = k == KPI_OPEN_DEALS || k == KPI_PIPELINE || k == KPI_WEIGHTED_PIPELINE ||
                       k == KPI_LEADS_WAITING || k == KPI_LEADS_WAITING_SINCE || k == KPI_LEADS_WAITING_OLDEST;
        cr_expect_eq(kpi_info((enum kpi)k)->clock == KPI_NOW, is_open, "%s", kpi_info((enum kpi)k)->name);
    }
}
