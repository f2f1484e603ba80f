/* kpi_table.h - the catalogue of KPIs: one table for formulas, Redis catalogue, rules and pages.
 *
 * Thread: any; constants only.
 */
#pragma once
#include "base/text.h"
#include <stdbool.h>

enum kpi_unit { UNIT_COUNT, UNIT_MONEY, UNIT_RATIO, UNIT_SECONDS, UNIT_SCORE, UNIT_NPS, UNIT_QUANTITY, UNIT_INSTANT };
enum kpi_better { BETTER_UP, BETTER_DOWN };
/* What a reader takes for a value that is left out: 0, or "no value". */
enum kpi_absent { ABSENT_ZERO, ABSENT_NONE };
/* KPI_SPAN: in every window but `now`; KPI_NOW: in `now` only. */
enum kpi_clock { KPI_SPAN, KPI_NOW };

/* X(SYMBOL, name, unit, better, absent, clock, formula, English label, Russian label) */
#define KPI_TABLE(X)                                                                                                   \
    X(LEADS_CREATED, "leads_created", COUNT, UP, ZERO, SPAN, "count of leads by created_at", "Leads", "Лиды")          \
    X(DEALS_CREATED, "deals_created", COUNT, UP, ZERO, SPAN, "count of deals by created_at", "New deals",              \
      "Новые сделки")                                                                                                  \
    X(DEALS_WON, "deals_won", COUNT, UP, ZERO, SPAN, "count of won deals by closed_at", "Deals won",                   \
      "Выигранные сделки")                                                                                             \
    X(SALES_VOLUME, "sales_volume", MONEY, UP, ZERO, SPAN, "sum of amounts of won deals", "Sales volume",              \
      "Объём продаж")                                                                                                  \
    X(UNITS, "units", QUANTITY, UP, ZERO, SPAN, "sum of quantities of won deals", "Units sold", "Продано единиц")      \
    X(DEALS_LOST, "deals_lost", COUNT, DOWN, ZERO, SPAN, "count of lost deals by closed_at", "Deals lost",             \
      "Проигранные сделки")                                                                                            \
    X(LOST_VOLUME, "lost_volume", MONEY, DOWN, ZERO, SPAN, "sum of amounts of lost deals", "Lost volume",              \
      "Упущенный объём")                                                                                               \
    X(AVERAGE_CHECK, "average_check", MONEY, UP, NONE, SPAN, "sales_volume / won deals with an amount",                \
      "Average check", "Средний чек")                                                                                  \
    X(SALES_GROWTH, "sales_growth", RATIO, UP, NONE, SPAN,                                                             \
      "(sales_volume - that of the previous window) / that of the previous window", "Growth of sales", "Рост продаж")  \
    X(WIN_RATE, "win_rate", RATIO, UP, NONE, SPAN, "deals_won / (deals_won + deals_lost)", "Win rate",                 \
      "Доля выигранных")                                                                                               \
    X(WIN_RATE_COHORT, "win_rate_cohort", RATIO, UP, NONE, SPAN, "of the deals created, the share won by as_of",       \
      "Win rate of cohort", "Доля выигранных в когорте")                                                               \
    X(CONVERSION, "conversion", RATIO, UP, NONE, SPAN, "deals_won / leads_created", "Conversion", "Конверсия")         \
    X(CYCLE_TIME_MEAN, "cycle_time_mean", SECONDS, DOWN, NONE, SPAN, "mean of closed_at - created_at of won deals",    \
      "Time per deal, mean", "Время на сделку, среднее")                                                               \
    X(CYCLE_TIME_P50, "cycle_time_p50", SECONDS, DOWN, NONE, SPAN, "median of closed_at - created_at of won deals",    \
      "Time per deal, median", "Время на сделку, медиана")                                                             \
    X(CYCLE_TIME_P90, "cycle_time_p90", SECONDS, DOWN, NONE, SPAN,                                                     \
      "90th percentile of closed_at - created_at of won deals", "Time per deal, 90 %", "Время на сделку, 90 %")        \
    X(RESPONSE_TIME_MEAN, "response_time_mean", SECONDS, DOWN, NONE, SPAN,                                             \
      "mean of first_contact_at - created_at of leads", "Response time, mean", "Время ответа, среднее")                \
    X(RESPONSE_TIME_P50, "response_time_p50", SECONDS, DOWN, NONE, SPAN,                                               \
      "median of first_contact_at - created_at of leads", "Response time, median", "Время ответа, медиана")            \
    X(RESPONSE_TIME_P90, "response_time_p90", SECONDS, DOWN, NONE, SPAN,                                               \
      "90th percentile of first_contact_at - created_at of leads", "Response time, 90 %", "Время ответа, 90 %")        \
    X(OPEN_DEALS, "open_deals", COUNT, UP, ZERO, NOW, "deals created and neither won nor lost at as_of", "Open deals", \
      "Открытые сделки")                                                                                               \
    X(PIPELINE, "pipeline", MONEY, UP, ZERO, NOW, "sum of amounts of open deals", "Pipeline", "Воронка")               \
    X(WEIGHTED_PIPELINE, "weighted_pipeline", MONEY, UP, ZERO, NOW, "sum of amount x probability of open deals",       \
      "Weighted pipeline", "Взвешенная воронка")                                                                       \
    X(REVENUE, "revenue", MONEY, UP, ZERO, SPAN, "payments - refunds - chargebacks", "Revenue", "Выручка")             \
    X(REFUNDS, "refunds", MONEY, DOWN, ZERO, SPAN, "refunds + chargebacks", "Refunds", "Возвраты")                     \
    X(REVENUE_GROSS, "revenue_gross", MONEY, UP, ZERO, SPAN, "payments, before refunds and chargebacks",               \
      "Revenue, gross", "Выручка до возвратов")                                                                        \
    X(CSAT, "csat", RATIO, UP, NONE, SPAN, "share of answers with score >= scale - 1", "Satisfaction",                 \
      "Удовлетворённость")                                                                                             \
    X(CSAT_MEAN, "csat_mean", SCORE, UP, NONE, SPAN, "mean score", "Satisfaction, mean", "Удовлетворённость, среднее") \
    X(NPS, "nps", NPS, UP, NONE, SPAN, "100 x (share of 9-10 - share of 0-6)", "Loyalty (NPS)", "Лояльность (NPS)")    \
    X(NEW_CUSTOMERS, "new_customers", COUNT, UP, ZERO, SPAN, "customers by closed_at of their first won deal",         \
      "New customers", "Новые клиенты")                                                                                \
    X(REPEAT_RATE, "repeat_rate", RATIO, UP, NONE, SPAN,                                                               \
      "of the won deals with a customer, the share whose customer had an earlier one", "Repeat sales",                 \
      "Повторные продажи")                                                                                             \
    X(CONVERSION_COHORT, "conversion_cohort", RATIO, UP, NONE, SPAN,                                                   \
      "of the leads created, the share with a deal won by as_of", "Conversion of cohort", "Конверсия когорты")         \
    X(LEAD_COST, "lead_cost", MONEY, DOWN, ZERO, SPAN, "sum of costs of leads by created_at", "Cost of leads",         \
      "Стоимость лидов")                                                                                               \
    X(CAC, "cac", MONEY, DOWN, NONE, SPAN, "lead_cost / new_customers", "Cost of a new customer",                      \
      "Стоимость нового клиента")                                                                                      \
    X(PAYBACK_P50, "payback_p50", SECONDS, DOWN, NONE, SPAN,                                                           \
      "median time from a customer's first lead to payback, by the moment of payback", "Payback, median",              \
      "Окупаемость, медиана")                                                                                          \
    X(PAYBACK_P90, "payback_p90", SECONDS, DOWN, NONE, SPAN,                                                           \
      "90th percentile of the time from a customer's first lead to payback", "Payback, 90 %", "Окупаемость, 90 %")     \
    X(PAYBACK_SHARE, "payback_share", RATIO, UP, NONE, SPAN,                                                           \
      "of the new customers with a cost, the share that has paid back by as_of", "Paid back", "Доля окупившихся")      \
    X(LEADS_WAITING, "leads_waiting", COUNT, DOWN, ZERO, NOW,                                                          \
      "leads without a first contact, neither converted nor lost", "Leads waiting", "Лиды в ожидании")                 \
    X(LEADS_WAITING_SINCE, "leads_waiting_since", INSTANT, UP, NONE, NOW, "created_at of the lead that waits longest", \
      "Oldest lead waiting since", "Самый старый лид ждёт с")                                                          \
    X(LEADS_WAITING_OLDEST, "leads_waiting_oldest", SECONDS, DOWN, NONE, NOW, "as_of - leads_waiting_since",           \
      "Age of the oldest lead waiting", "Возраст самого старого лида")                                                 \
    X(VELOCITY, "velocity", MONEY, UP, NONE, SPAN, "open_deals x win_rate x average_check / cycle_time_mean in days",  \
      "Pipeline velocity, a day", "Скорость воронки, в день")

enum kpi {
#define X(symbol, name, unit, better, absent, clock, formula, en, ru) KPI_##symbol,
    KPI_TABLE(X)
#undef X
        KPI_COUNT
};

struct kpi_info {
    const char *name;
    enum kpi_unit unit;
    enum kpi_better better;
    enum kpi_absent absent;
    enum kpi_clock clock;
    const char *formula;
    const char *label_en, *label_ru;
};

const struct kpi_info *kpi_info(enum kpi k);
/* A count or a sum, which is 0 where there are no records; one of a span is the sum of its parts. */
bool kpi_adds_up(enum kpi k);
/* KPI_COUNT where the name is none. */
enum kpi kpi_find(struct text name);
/* "count", "money", "ratio", "seconds", "score", "nps", "quantity". */
const char *kpi_unit_name(enum kpi_unit u);
