/* floor_event.h - what happened to one record of the simulated floor, before it is written as JSON.
 *
 * A value keeps both what it means (a number, comparable) and how it will be written (its form), so that
 * the truth is known without reading any text back.
 *
 * Thread: any, one at a time. Memory: floor_event_create allocates; a repeat holds the same event, so it
 * is counted: floor_event_release frees it with the last holder. Times in microseconds.
 */
#pragma once
#include "config/field.h"
#include <stdbool.h>
#include <stdint.h>

enum floor_form {
    FORM_NULL,
    FORM_WORD, /* number: index in the world's words */
    FORM_LEAD, /* number: of a lead, a deal, a customer; written as its id */
    FORM_DEAL,
    FORM_CUSTOMER,
    FORM_CHOICE,     /* number: index in the field's words */
    FORM_CURRENCY,   /* number: currency_code */
    FORM_INTEGER,    /* number: as it is */
    FORM_STRING,     /* number: millionths, written as a decimal string */
    FORM_NUMBER,     /* the same as a JSON number */
    FORM_TIME_MS,    /* number: microseconds; RFC 3339 in UTC, to the millisecond */
    FORM_TIME_US,    /* to the microsecond */
    FORM_TIME_ZONE,  /* to the millisecond, with some other zone's offset */
    FORM_TIME_EPOCH, /* milliseconds since the epoch as a JSON number */
    FORM_DATE,       /* a date: midnight in the company's zone */
    FORM_ABSENT,     /* occurred_at only: not written, the Kafka time stamp speaks */
};

struct floor_value {
    uint8_t field; /* index in the field table of the kind */
    uint8_t form;  /* enum floor_form */
    int64_t number;
};

struct floor_event {
    uint32_t holders;
    uint32_t record; /* number of the record among its kind, from 1 */
    uint8_t kind;    /* enum record_kind */
    uint8_t occurred_form;
    bool deleted;   /* carries no values */
    bool tombstone; /* deleted, and there is no JSON at all */
    bool late;
    uint8_t value_count;
    int64_t occurred_us; /* the first part of the stamp; the Kafka time where FORM_ABSENT */
    int64_t kafka_ms;
    int64_t version; /* the second part; 0 = carries none */
    uint64_t id;     /* event_id; 0 = carries none */
    uint64_t style;  /* decides spaces, order and such of the text */
    struct floor_value values[];
};

struct floor_event *floor_event_create(enum record_kind kind, uint32_t record, unsigned value_count);
void floor_event_hold(struct floor_event *e);
/* NULL is fine. */
void floor_event_release(struct floor_event *e);

/* A time as the form can write it: cut to milliseconds where it has no more. */
int64_t floor_time_cut(enum floor_form form, int64_t us);
