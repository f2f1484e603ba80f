#include "config/field.h"
#include "base/error.h"
#include "base/instant.h"
#include "base/money.h"
#include <stddef.h>

static const char *const lead_statuses[] = {"new", "contacted", "qualified", "converted", "lost", NULL};
static const char *const payment_kinds[] = {"payment", "refund", "chargeback", NULL};
static const char *const feedback_kinds[] = {"csat", "nps", NULL};
static const char *const dimension_words[] = {
#define X(symbol, name) name,
    DIMENSION_TABLE(X)
#undef X
        NULL};
const char *const period_words[] = {"day", "week", "month", "quarter", "year", NULL};

/* clang-format off */
#define COMMON_FIELDS                                 \
    [FIELD_MANAGER] = {"manager_id", FIELD_TEXT, NULL},   \
    [FIELD_TEAM] = {"team_id", FIELD_TEXT, NULL},         \
    [FIELD_PRODUCT] = {"product", FIELD_TEXT, NULL},      \
    [FIELD_REGION] = {"region", FIELD_TEXT, NULL},        \
    [FIELD_SOURCE] = {"source", FIELD_TEXT, NULL},        \
    [FIELD_CUSTOMER] = {"customer_id", FIELD_TEXT, NULL}

static const struct field lead_fields[LEAD_FIELD_COUNT] = {
    COMMON_FIELDS,
    [LEAD_STATUS] = {"status", FIELD_CHOICE, lead_statuses},
    [LEAD_COST] = {"cost", FIELD_POSITIVE, NULL},
    [LEAD_CURRENCY] = {"currency", FIELD_CURRENCY, NULL},
    [LEAD_CREATED_AT] = {"created_at", FIELD_TIME, NULL},
    [LEAD_FIRST_CONTACT_AT] = {"first_contact_at", FIELD_TIME, NULL},
    [LEAD_CLOSED_AT] = {"closed_at", FIELD_TIME, NULL},
};

static const struct field deal_fields[DEAL_FIELD_COUNT] = {
    COMMON_FIELDS,
    [DEAL_STAGE] = {"stage", FIELD_TEXT, NULL},
    [DEAL_AMOUNT] = {"amount", FIELD_MONEY, NULL},
    [DEAL_CURRENCY] = {"currency", FIELD_CURRENCY, NULL},
    [DEAL_QUANTITY] = {"quantity", FIELD_POSITIVE, NULL},
    [DEAL_LEAD] = {"lead_id", FIELD_TEXT, NULL},
    [DEAL_LOSS_REASON] = {"loss_reason", FIELD_TEXT, NULL},
    [DEAL_COMPETITOR] = {"competitor", FIELD_TEXT, NULL},
    [DEAL_PROBABILITY] = {"probability", FIELD_SHARE, NULL},
    [DEAL_CREATED_AT] = {"created_at", FIELD_TIME, NULL},
    [DEAL_CLOSED_AT] = {"closed_at", FIELD_TIME, NULL},
    [DEAL_EXPECTED_CLOSE_AT] = {"expected_close_at", FIELD_TIME, NULL},
};

static const struct field payment_fields[PAYMENT_FIELD_COUNT] = {
    COMMON_FIELDS,
    [PAYMENT_KIND] = {"kind", FIELD_CHOICE, payment_kinds},
    [PAYMENT_AMOUNT] = {"amount", FIELD_POSITIVE, NULL},
    [PAYMENT_CURRENCY] = {"currency", FIELD_CURRENCY, NULL},
    [PAYMENT_MARGIN] = {"margin", FIELD_SHARE, NULL},
    [PAYMENT_DEAL] = {"deal_id", FIELD_TEXT, NULL},
    [PAYMENT_PAID_AT] = {"paid_at", FIELD_TIME, NULL},
};

static const struct field feedback_fields[FEEDBACK_FIELD_COUNT] = {
    COMMON_FIELDS,
    [FEEDBACK_KIND] = {"kind", FIELD_CHOICE, feedback_kinds},
    [FEEDBACK_SCORE] = {"score", FIELD_DECIMAL, NULL},
    [FEEDBACK_SCALE] = {"scale", FIELD_INTEGER, NULL},
    [FEEDBACK_DEAL] = {"deal_id", FIELD_TEXT, NULL},
    [FEEDBACK_ANSWERED_AT] = {"answered_at", FIELD_TIME, NULL},
};

static const struct field rate_fields[RATE_FIELD_COUNT] = {
    [RATE_CURRENCY] = {"currency", FIELD_CURRENCY, NULL},
    [RATE_DAY] = {"day", FIELD_DAY, NULL},
    [RATE_RATE] = {"rate", FIELD_RATE, NULL},
};

static const struct field member_fields[MEMBER_FIELD_COUNT] = {
    [MEMBER_MANAGER] = {"manager_id", FIELD_TEXT, NULL},
    [MEMBER_TEAM] = {"team_id", FIELD_TEXT, NULL},
    [MEMBER_NAME] = {"name", FIELD_TEXT, NULL},
    [MEMBER_ACTIVE] = {"active", FIELD_FLAG, NULL},
    [MEMBER_LEAD] = {"lead", FIELD_FLAG, NULL},
    [MEMBER_STARTS_AT] = {"starts_at", FIELD_TIME, NULL},
    [MEMBER_ENDS_AT] = {"ends_at", FIELD_TIME, NULL},
};

static const struct field target_fields[TARGET_FIELD_COUNT] = {
    [TARGET_DIMENSION] = {"dimension", FIELD_CHOICE, dimension_words},
    [TARGET_ENTITY] = {"entity", FIELD_TEXT, NULL},
    [TARGET_KPI] = {"kpi", FIELD_TEXT, NULL},
    [TARGET_PERIOD] = {"period", FIELD_CHOICE, period_words},
    [TARGET_VALUE] = {"value", FIELD_POSITIVE, NULL},
    [TARGET_STARTS_ON] = {"starts_on", FIELD_DAY, NULL},
    [TARGET_ENDS_ON] = {"ends_on", FIELD_DAY, NULL},
    [TARGET_RAMP_PERIODS] = {"ramp_periods", FIELD_INTEGER, NULL},
    [TARGET_RESTATE] = {"restate", FIELD_FLAG, NULL},
};

static const struct record_kind_info kinds[KIND_COUNT] = {
#define FIELDS_LEAD lead_fields, LEAD_FIELD_COUNT
#define FIELDS_DEAL deal_fields, DEAL_FIELD_COUNT
#define FIELDS_PAYMENT payment_fields, PAYMENT_FIELD_COUNT
#define FIELDS_FEEDBACK feedback_fields, FEEDBACK_FIELD_COUNT
#define FIELDS_RATE rate_fields, RATE_FIELD_COUNT
#define FIELDS_MEMBER member_fields, MEMBER_FIELD_COUNT
#define FIELDS_TARGET target_fields, TARGET_FIELD_COUNT
#define X(symbol, name, topic, key) [KIND_##symbol] = {name, topic, key, FIELDS_##symbol},
    RECORD_KIND_TABLE(X)
#undef X
};

static const char *const dimensions[DIMENSION_COUNT] = {
#define X(symbol, name) [DIMENSION_##symbol] = name,
    DIMENSION_TABLE(X)
#undef X
};
/* clang-format on */

/* The ledger keeps a bit for each field of a record, and `carried` of an event is 32 bits wide. */
_Static_assert((int)FIELD_COUNT_MAX <= 32 && (int)LEAD_FIELD_COUNT <= (int)FIELD_COUNT_MAX &&
                   (int)PAYMENT_FIELD_COUNT <= (int)FIELD_COUNT_MAX &&
                   (int)FEEDBACK_FIELD_COUNT <= (int)FIELD_COUNT_MAX &&
                   (int)MEMBER_FIELD_COUNT <= (int)FIELD_COUNT_MAX && (int)TARGET_FIELD_COUNT <= (int)FIELD_COUNT_MAX,
               "FIELD_COUNT_MAX is the greatest number of fields of a kind");

const char *dimension_name(enum dimension d)
{
    REQUIRE((unsigned)d < DIMENSION_COUNT);
    return dimensions[d];
}

enum dimension dimension_find(struct text name)
{
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        if (text_equal(name, text_of(dimensions[d]))) {
            return (enum dimension)d;
        }
    }
    return DIMENSION_COUNT;
}

const struct record_kind_info *record_kind_info(enum record_kind k)
{
    REQUIRE((unsigned)k < KIND_COUNT);
    return &kinds[k];
}

enum record_kind record_kind_find(struct text name)
{
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        if (text_equal(name, text_of(kinds[k].name))) {
            return (enum record_kind)k;
        }
    }
    return KIND_COUNT;
}

int field_find(enum record_kind k, struct text name)
{
    const struct record_kind_info *info = record_kind_info(k);
    for (unsigned f = 0; f < info->field_count; f++) {
        if (text_equal(name, text_of(info->fields[f].name))) {
            return (int)f;
        }
    }
    return -1;
}

static int64_t word_count(const struct field *f)
{
    int64_t count = 0;
    while (f->words[count] != NULL)
        count++;
    return count;
}

bool field_holds(const struct field *f, int64_t number)
{
    const int64_t most = DECIMAL_UNITS_MAX * MICRO;
    switch (f->type) {
    case FIELD_TEXT: return number >= 0 && number < UINT32_MAX;
    case FIELD_TIME: return number >= INSTANT_MIN && number < INSTANT_END;
    case FIELD_MONEY: return number >= -most && number <= most;
    case FIELD_POSITIVE:
    case FIELD_DECIMAL: return number >= 0 && number <= most;
    case FIELD_SHARE: return number >= 0 && number <= MICRO;
    case FIELD_INTEGER: return number >= 1 && number <= DECIMAL_UNITS_MAX;
    case FIELD_CURRENCY: return number > 0 && number <= 0xffffff;
    case FIELD_CHOICE: return number >= 0 && number < word_count(f);
    case FIELD_DAY: return number >= INSTANT_MIN / DAY && number < INSTANT_END / DAY;
    case FIELD_RATE: return number > 0 && number < INT64_C(1000000000) * 1000000000;
    case FIELD_FLAG: return number == 0 || number == 1;
    }
    return false;
}
