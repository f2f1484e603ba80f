/* scalar.h - values with their units, as people write them: 100ms, 16MiB, 25%.
 *
 * The readers return NULL, or what is wrong and what to write, to follow "'<value>' ".
 * Thread: any; pure.
 */
#pragma once
#include "base/text.h"
#include <stdint.h>

/* A whole number and ms, s, m, h or d. */
const char *duration_parse(struct text t, int64_t *out_ms);
/* A whole number and B, KiB, MiB or GiB. */
const char *size_parse(struct text t, int64_t *out_bytes);
const char *integer_parse(struct text t, int64_t *out);
/* At most six places, into millionths; with `percent` also "12.5%". */
const char *decimal_text_parse(struct text t, bool percent, int64_t *out_micro);
/* At most nine places, above 0 and below 10^9, into 10^-9. */
const char *rate_parse(struct text t, int64_t *out_nano);

/* The same in the greatest unit that divides it. */
void duration_format(struct buffer *b, int64_t ms);
void size_format(struct buffer *b, int64_t bytes);
