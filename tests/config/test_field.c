#include "config/field.h"
#include <criterion/criterion.h>
#include <string.h>

/* Consumers map by these names, the ledger keeps by these places: CONTRACT 1. */
Test(field, every_kind_has_its_fields_by_name)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        const struct record_kind_info *info = record_kind_info((enum record_kind)k);
        cr_expect_eq(record_kind_find(text_of(info->name)), k);
        cr_expect(info->field_count <= FIELD_COUNT_MAX);
        for (unsigned f = 0; f < info->field_count; f++) {
            cr_assert_not_null(info->fields[f].name, "%s field %u", info->name, f);
            cr_expect_eq(field_find((enum record_kind)k, text_of(info->fields[f].name)), (int)f, "%s",
                         info->fields[f].name);
            cr_expect_eq(info->fields[f].words != NULL, info->fields[f].type == FIELD_CHOICE);
        }
        cr_expect_eq(field_find((enum record_kind)k, text_of(info->key)), -1, "the key is no field");
    }
    cr_expect_eq(record_kind_find(TEXT("leads")), KIND_COUNT);
    cr_expect_eq(field_find(KIND_DEAL, TEXT("paid_at")), -1);
    cr_expect_eq(field_find(KIND_DEAL, TEXT("expected_close_at")), DEAL_EXPECTED_CLOSE_AT);
    cr_expect_eq(field_find(KIND_FEEDBACK, TEXT("region")), FIELD_REGION);
}

Test(field, words_stand_in_the_order_of_their_enums)
{
    cr_expect_str_eq(record_kind_info(KIND_LEAD)->fields[LEAD_STATUS].words[STATUS_LOST], "lost");
    cr_expect_null(record_kind_info(KIND_LEAD)->fields[LEAD_STATUS].words[STATUS_LOST + 1]);
    cr_expect_str_eq(record_kind_info(KIND_PAYMENT)->fields[PAYMENT_KIND].words[PAYMENT_IS_CHARGEBACK], "chargeback");
    cr_expect_str_eq(record_kind_info(KIND_FEEDBACK)->fields[FEEDBACK_KIND].words[FEEDBACK_IS_NPS], "nps");
}

Test(field, dimensions_by_name)
{
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        cr_expect_eq(dimension_find(text_of(dimension_name((enum dimension)d))), d);
    }
    cr_expect_eq(dimension_find(TEXT("managers")), DIMENSION_COUNT);
    cr_expect_eq(dimension_find(TEXT("")), DIMENSION_COUNT);
}
