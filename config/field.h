/* field.h - the kinds of records and what they are made of: one table for decoder, ledger, mapping and
 * reference pages. CONTRACT 1. Facts are what a sales floor does (leads, deals, payments, feedback); the others are
 * what facts are judged by (exchange rates, who is in which team, targets).
 *
 * Thread: any; constants only.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* X(SYMBOL, name = default topic suffix's singular, topic, key member) */
#define RECORD_KIND_TABLE(X)                           \
    X(LEAD, "lead", "leads", "lead_id")                \
    X(DEAL, "deal", "deals", "deal_id")                \
    X(PAYMENT, "payment", "payments", "payment_id")    \
    X(FEEDBACK, "feedback", "feedback", "feedback_id") \
    X(RATE, "rate", "rates", "rate_id")                \
    X(MEMBER, "member", "members", "member_id")        \
    X(TARGET, "target", "targets", "target_id")

enum record_kind {
#define X(symbol, name, topic, key) KIND_##symbol,
    RECORD_KIND_TABLE(X)
#undef X
        KIND_COUNT
};
/* The kinds before this one are facts. */
#define FACT_KINDS KIND_RATE

enum field_type {
    FIELD_TEXT,     /* an id or name */
    FIELD_TIME,     /* microseconds since the epoch */
    FIELD_MONEY,    /* millionths of a unit, may be negative */
    FIELD_POSITIVE, /* millionths, not negative: payment amount, cost, quantity */
    FIELD_SHARE,    /* millionths, 0-1: probability, margin */
    FIELD_DECIMAL,  /* millionths, not negative: score */
    FIELD_INTEGER,  /* a whole number from 1: scale */
    FIELD_CURRENCY, /* currency_code */
    FIELD_CHOICE,   /* index into the field's words */
    FIELD_DAY,      /* days since 1970-01-01 */
    FIELD_RATE,     /* 10^-9, above 0 */
    FIELD_FLAG,     /* 1 = true, 0 = false */
};

/* The dimensions of a contribution; company is the one that every record has. The last two are a deal's alone: no
 * record inherits them, and a loss_reason counts what was lost only. */
#define DIMENSION_TABLE(X)        \
    X(COMPANY, "company")         \
    X(TEAM, "team")               \
    X(MANAGER, "manager")         \
    X(PRODUCT, "product")         \
    X(REGION, "region")           \
    X(SOURCE, "source")           \
    X(LOSS_REASON, "loss_reason") \
    X(COMPETITOR, "competitor")

enum dimension {
#define X(symbol, name) DIMENSION_##symbol,
    DIMENSION_TABLE(X)
#undef X
        DIMENSION_COUNT
};

const char *dimension_name(enum dimension d);
/* DIMENSION_COUNT where the name is none. */
enum dimension dimension_find(struct text name);

/* Fields that all facts have come first, in the same place. */
enum { FIELD_MANAGER, FIELD_TEAM, FIELD_PRODUCT, FIELD_REGION, FIELD_SOURCE, FIELD_CUSTOMER, FIELD_COMMON_COUNT };

enum {
    LEAD_STATUS = FIELD_COMMON_COUNT,
    LEAD_COST,
    LEAD_CURRENCY,
    LEAD_CREATED_AT,
    LEAD_FIRST_CONTACT_AT,
    LEAD_CLOSED_AT,
    LEAD_FIELD_COUNT
};
enum {
    DEAL_STAGE = FIELD_COMMON_COUNT,
    DEAL_AMOUNT,
    DEAL_CURRENCY,
    DEAL_QUANTITY,
    DEAL_LEAD,
    DEAL_LOSS_REASON,
    DEAL_COMPETITOR,
    DEAL_PROBABILITY,
    DEAL_CREATED_AT,
    DEAL_CLOSED_AT,
    DEAL_EXPECTED_CLOSE_AT,
    DEAL_FIELD_COUNT
};
enum {
    PAYMENT_KIND = FIELD_COMMON_COUNT,
    PAYMENT_AMOUNT,
    PAYMENT_CURRENCY,
    PAYMENT_MARGIN,
    PAYMENT_DEAL,
    PAYMENT_PAID_AT,
    PAYMENT_FIELD_COUNT
};
enum {
    FEEDBACK_KIND = FIELD_COMMON_COUNT,
    FEEDBACK_SCORE,
    FEEDBACK_SCALE,
    FEEDBACK_DEAL,
    FEEDBACK_ANSWERED_AT,
    FEEDBACK_FIELD_COUNT
};
enum { RATE_CURRENCY, RATE_DAY, RATE_RATE, RATE_FIELD_COUNT };
enum {
    MEMBER_MANAGER,
    MEMBER_TEAM,
    MEMBER_NAME,
    MEMBER_ACTIVE,
    MEMBER_LEAD,
    MEMBER_STARTS_AT,
    MEMBER_ENDS_AT,
    MEMBER_FIELD_COUNT
};
enum {
    TARGET_DIMENSION,
    TARGET_ENTITY,
    TARGET_KPI,
    TARGET_PERIOD,
    TARGET_VALUE,
    TARGET_STARTS_ON,
    TARGET_ENDS_ON,
    TARGET_RAMP_PERIODS,
    TARGET_RESTATE,
    TARGET_FIELD_COUNT
};
#define FIELD_COUNT_MAX DEAL_FIELD_COUNT

/* Words of FIELD_CHOICE fields, in the order of their index. */
enum lead_status { STATUS_NEW, STATUS_CONTACTED, STATUS_QUALIFIED, STATUS_CONVERTED, STATUS_LOST };
enum payment_kind { PAYMENT_IS_PAYMENT, PAYMENT_IS_REFUND, PAYMENT_IS_CHARGEBACK };
enum feedback_kind { FEEDBACK_IS_CSAT, FEEDBACK_IS_NPS };
/* In the order of enum period (base/calendar.h); NULL ends them. */
extern const char *const period_words[];

struct field {
    const char *name; /* default member name, "manager_id" */
    enum field_type type;
    const char *const *words; /* FIELD_CHOICE: NULL-terminated; else NULL */
};

struct record_kind_info {
    const char *name;  /* "lead" */
    const char *topic; /* default topic, "leads" */
    const char *key;   /* default member of the key, "lead_id" */
    const struct field *fields;
    unsigned field_count;
};

const struct record_kind_info *record_kind_info(enum record_kind k);
/* KIND_COUNT where the name is none. */
enum record_kind record_kind_find(struct text name);
/* Whether the number is one that the field can have: what a decoder lets through. Of a text's number it says only that it
 * may be one. */
bool field_holds(const struct field *f, int64_t number);
/* Index of a field by its default name, -1 where there is none. */
int field_find(enum record_kind k, struct text name);
