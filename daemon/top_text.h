/* top_text.h - texts for the terminal: names that nobody vouches for, numbers for people, columns.
 *
 * Thread: main's (widths go by LC_CTYPE, which top_text_setup sets). Memory: the caller's buffers.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

/* Before the rest: UTF-8, whatever the user's locale. */
void top_text_setup(void);

/* Appends the text so that it cannot speak to the terminal: control characters and bytes that are not UTF-8
 * become U+FFFD, and so do the marks that turn the direction of writing. */
void top_text_clean(struct buffer *out, struct text t);
/* Columns that a clean text takes. */
int top_text_width(struct text t);
/* Appends a clean text in exactly `width` columns, cut with an ellipsis, filled with spaces. */
void top_text_pad(struct buffer *out, struct text t, int width, bool right);

enum top_unit { TOP_COUNT, TOP_MONEY, TOP_RATIO, TOP_SECONDS, TOP_SCORE, TOP_NPS, TOP_INSTANT, TOP_QUANTITY };
/* By the catalogue's word; TOP_QUANTITY for one that is not known: the value is shown as it is. */
enum top_unit top_unit_find(struct text word);
/* Appends a value of the contract's text form as people read it: 1,153,214 · 63.2 % · 3d 04h · 2026-03-05 12:00. */
void top_text_value(struct buffer *out, struct text value, enum top_unit unit);
/* Seconds as one or two of d, h, min, s. */
void top_text_duration(struct buffer *out, int64_t seconds);
/* <0, 0, >0: two decimals of any length, compared digit by digit; two instants by time. What is neither is as 0. */
int top_text_compare(struct text a, struct text b);
