/* field.h - the four kinds of records and what they are made of: one table for decoder, ledger,
 * mapping and reference pages. CONTRACT 1.
 *
 * Thread: any; constants only.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* X(SYMBOL, name = default topic suffix's singular, topic, key member) */
#define RECORD_KIND_TABLE(X)                        \
    X(LEAD, "lead", "leads", "lead_id")             \
    X(DEAL, "deal", "deals", "deal_id")             \
    X(PAYMENT, "payment", "payments", "payment_id") \
    X(FEEDBACK, "feedback", "feedback", "feedback_id")

enum record_kind {
#define X(symbol, name, topic, key) KIND_##symbol,
    RECORD_KIND_TABLE(X)
#undef X
        KIND_COUNT
};

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
};

/* The dimensions of a contribution; company is the one that every record has. */
#define DIMENSION_TABLE(X) \
    X(COMPANY, "company")  \
    X(TEAM, "team")        \
    X(MANAGER, "manager")  \
    X(PRODUCT, "product")  \
    X(REGION, "region")    \
    X(SOURCE, "source")

enum dimension {
#define X(symbol, name) DIMENSION_##symbol,
    DIMENSION_TABLE(X)
#undef X
        DIMENSION_COUNT
};

const char *dimension_name(enum dimension d);
/* DIMENSION_COUNT where the name is none. */
enum dimension dimension_find(struct text name);

/* Fields that all kinds have come first, in the same place. */
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
#define FIELD_COUNT_MAX DEAL_FIELD_COUNT

/* Words of FIELD_CHOICE fields, in the order of their index. */
enum lead_status { STATUS_NEW, STATUS_CONTACTED, STATUS_QUALIFIED, STATUS_CONVERTED, STATUS_LOST };
enum payment_kind { PAYMENT_IS_PAYMENT, PAYMENT_IS_REFUND, PAYMENT_IS_CHARGEBACK };
enum feedback_kind { FEEDBACK_IS_CSAT, FEEDBACK_IS_NPS };

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
/* Index of a field by its default name, -1 where there is none. */
int field_find(enum record_kind k, struct text name);
