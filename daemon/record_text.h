/* record_text.h - a record of the ledger as one JSON line, the same bytes in whatever order its events came:
 *
 *     {"kind":"deal","key":"D1","exists":true,"fields":{"stage":{"value":"won","stamp":[...]},...},"settings":[...]}
 *
 * A stamp is [major, minor, "128-bit hash"] as in aggregators/event.h. Settings are the kept history of stages and owners.
 * Thread: any; reads only.
 */
#pragma once
#include "aggregators/ledger.h"
#include "base/text.h"

void record_text(const struct ledger *l, const struct record *r, struct buffer *out);
