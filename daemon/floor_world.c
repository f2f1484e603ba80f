/* The names are made up. Some have what breaks careless programs: quotes, commas, colons, braces, letters
 * outside ASCII and outside the BMP. */
#include "daemon/floor_world.h"
#include "base/error.h"
#include "base/instant.h"
#include "daemon/floor.h"
#include <stdio.h>
#include <stdlib.h>

static const char *const first_names[] = {
    "Alma",    "Boris",  "Chiara", "Dmitri", "Elif",  "Farid",  "Grace", "Hugo",  "Ines",     "Jonas",  "Katya",
    "Liam",    "Mei",    "Noor",   "Oskar",  "Priya", "Quinn",  "Rosa",  "Søren", "Tomás",    "Uma",    "Viktor",
    "Wanjiru", "Ximena", "Yusuf",  "Zoë",    "Анна",  "Сергей", "美咲",  "Chloé", "Jean-Luc", "D'Arcy",
};
static const char *const last_names[] = {
    "Adler",   "Bianchi",  "Castillo", "Dvořák", "Eriksen", "Fischer", "García", "Haddad",    "Ivanova",
    "Jansen",  "Kowalski", "Larsen",   "Müller", "Novák",   "O'Brien", "Petrov", "Quispe",    "Rossi",
    "Schmidt", "Tanaka",   "Usman",    "Varga",  "Walker",  "Xu",      "Yılmaz", "Zieliński",
};
static const char *const team_names[] = {
    "Alpha", "Borealis", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Horizon", "Iris", "Juniper",
};

static const struct {
    const char *name;
    int64_t low, high; /* US dollars */
    uint32_t several_ppm;
} products[] = {
    {"Starter", 190, 490, PPM(35)},
    {"Team Suite", 900, 2600, PPM(25)},
    {"Suite: Professional", 3200, 7900, PPM(15)},
    {"Enterprise", 14000, 58000, PPM(3)},
    {"24\" Display", 220, 640, PPM(60)},
    {"Support, yearly", 480, 1900, PPM(5)},
    {"Schulung für Anfänger", 700, 2400, PPM(10)},
    {"Spare part {S-7}", 4, 60, PPM(80)},
};
static const struct {
    const char *name;
    int64_t cost; /* US dollars */
    int32_t win_ppm;
} sources[] = {
    {"web", 18, -30000},       {"referral", 9, 120000}, {"event", 74, 20000},
    {"cold call", 31, -90000}, {"partner", 52, 60000},  {"e-mail \"spring\"", 6, -60000},
};
static const char *const regions[] = {"North", "South", "East", "West", "Île-de-France", "Москва 🏙"};
static const char *const stages[] = {"prospecting", "qualification", "proposal", "negotiation"};
static const char *const loss_reasons[] = {"price", "no budget", "competitor", "no answer", "timing"};
static const char *const competitors[] = {"Acme", "Globex", "Initech, Inc.", "Umbrella"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static uint32_t add_word(struct floor_world *w, const char *text)
{
    if (w->word_count == w->word_room) {
        w->word_room = w->word_room > 0 ? w->word_room * 2 : 256;
        w->words = must_realloc(w->words, w->word_room * sizeof w->words[0]);
    }
    w->words[w->word_count] = must_strdup(text);
    return w->word_count++;
}

static const uint32_t *add_words(struct floor_world *w, const char *const *texts, size_t count)
{
    uint32_t *list = must_alloc(count * sizeof list[0]);
    for (size_t i = 0; i < count; i++) {
        list[i] = add_word(w, texts[i]);
    }
    return list;
}

static void found_teams(struct floor_world *w, uint32_t count)
{
    w->teams = must_alloc(count * sizeof w->teams[0]);
    w->team_count = count;
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        const char *stem = team_names[i % COUNT(team_names)];
        if (i < COUNT(team_names)) {
            snprintf(name, sizeof name, "%s", stem);
        } else {
            snprintf(name, sizeof name, "%s %u", stem, (unsigned)(i / COUNT(team_names) + 1));
        }
        w->teams[i] = add_word(w, name);
    }
}

static void hire_managers(struct floor_world *w, struct floor_random *r, uint32_t count)
{
    w->managers = must_alloc(count * sizeof w->managers[0]);
    w->manager_count = count;
    const uint32_t firsts = COUNT(first_names), lasts = COUNT(last_names), pairs = firsts * lasts;
    for (uint32_t i = 0; i < count; i++) {
        /* The step has no common factor with the number of pairs, so all of them come before one comes again. */
        uint32_t pair = (uint32_t)(((uint64_t)i * 371 + w->seed % pairs) % pairs);
        char name[128];
        int used = snprintf(name, sizeof name, "%s %s", first_names[pair % firsts], last_names[pair / firsts]);
        if (i >= pairs) {
            snprintf(name + used, sizeof name - (size_t)used, " %u", i / pairs + 1);
        }
        struct floor_manager *m = &w->managers[i];
        m->name = add_word(w, name);
        m->team_index = i % w->team_count;
        m->team = w->teams[m->team_index];
        m->win_ppm = (uint32_t)floor_random_between(r, PPM(22), PPM(68));
        m->pace_percent = (uint32_t)floor_random_between(r, 50, 180);
        m->size_percent = (uint32_t)floor_random_between(r, 60, 170);
        m->busy_ppm = (uint32_t)floor_random_between(r, PPM(25), PPM(100));
    }
}

static void stock_shelves(struct floor_world *w)
{
    struct floor_product *shelf = must_alloc(COUNT(products) * sizeof shelf[0]);
    for (size_t i = 0; i < COUNT(products); i++) {
        shelf[i] = (struct floor_product){.name = add_word(w, products[i].name),
                                          .low = products[i].low * 1000,
                                          .high = products[i].high * 1000,
                                          .several_ppm = products[i].several_ppm};
    }
    w->products = shelf;
    w->product_count = COUNT(products);

    struct floor_source *list = must_alloc(COUNT(sources) * sizeof list[0]);
    for (size_t i = 0; i < COUNT(sources); i++) {
        list[i] = (struct floor_source){
            .name = add_word(w, sources[i].name), .cost = sources[i].cost * 1000, .win_ppm = sources[i].win_ppm};
    }
    w->sources = list;
    w->source_count = COUNT(sources);
}

struct floor_world *floor_world_create(const struct floor_options *options)
{
    REQUIRE(options->managers >= 1 && options->managers <= 100000);
    REQUIRE(options->teams >= 1 && options->teams <= options->managers);
    REQUIRE(options->currency_count <= FLOOR_CURRENCIES_MAX);
    struct calendar *calendar = calendar_create(options->zone, 1, 1);
    if (calendar == NULL) {
        return NULL;
    }
    struct floor_world *w = must_zalloc(sizeof *w);
    w->calendar = calendar;
    w->seed = options->seed;
    w->base = options->base;
    w->currency_count = options->currency_count > 0 ? options->currency_count : 1;
    currency_code *purse = must_alloc(w->currency_count * sizeof purse[0]);
    purse[0] = options->base;
    for (uint32_t i = 0; i < options->currency_count; i++) {
        purse[i] = options->currencies[i];
    }
    w->currencies = purse;

    struct floor_random r;
    floor_random_init(&r, options->seed ^ UINT64_C(0x70656f706c65)); /* apart from the stories' dice */
    found_teams(w, options->teams);
    hire_managers(w, &r, options->managers);
    stock_shelves(w);
    w->regions = add_words(w, regions, COUNT(regions));
    w->region_count = COUNT(regions);
    w->stages = add_words(w, stages, COUNT(stages));
    w->stage_count = COUNT(stages);
    w->loss_reasons = add_words(w, loss_reasons, COUNT(loss_reasons));
    w->loss_reason_count = COUNT(loss_reasons);
    w->competitors = add_words(w, competitors, COUNT(competitors));
    w->competitor_count = COUNT(competitors);
    w->stage_won = add_word(w, "won");
    w->stage_lost = add_word(w, "lost");
    return w;
}

void floor_world_destroy(struct floor_world *w)
{
    if (w == NULL) {
        return;
    }
    for (uint32_t i = 0; i < w->word_count; i++) {
        free(w->words[i]);
    }
    free(w->words);
    free(w->managers);
    free(w->teams);
    free((void *)(uintptr_t)w->products);
    free((void *)(uintptr_t)w->sources);
    free((void *)(uintptr_t)w->regions);
    free((void *)(uintptr_t)w->stages);
    free((void *)(uintptr_t)w->loss_reasons);
    free((void *)(uintptr_t)w->competitors);
    free((void *)(uintptr_t)w->currencies);
    calendar_destroy(w->calendar);
    free(w);
}

struct text floor_world_word(const struct floor_world *w, uint32_t word)
{
    REQUIRE(word < w->word_count);
    return text_of(w->words[word]);
}

const struct floor_manager *floor_world_manager(const struct floor_world *w, struct floor_random *r)
{
    for (;;) {
        const struct floor_manager *m = &w->managers[floor_random_below(r, w->manager_count)];
        if (floor_random_chance(r, m->busy_ppm)) {
            return m;
        }
    }
}

int64_t floor_world_price(int64_t milli_dollar, currency_code to)
{
    /* Rough rates: units for 1,000 dollars. A currency that is not here counts as the dollar. */
    static const struct {
        char code[4];
        int64_t per_thousand;
    } rates[] = {
        {"EUR", 920},  {"GBP", 790},  {"CHF", 890},    {"JPY", 155000}, {"KRW", 1370000}, {"KWD", 307},
        {"BHD", 377},  {"OMR", 385},  {"TND", 3100},   {"JOD", 709},    {"RUB", 90000},   {"SEK", 10500},
        {"PLN", 4000}, {"CNY", 7200}, {"INR", 83500},  {"CLP", 930000}, {"AED", 3670},    {"VND", 25000000},
        {"BRL", 5400}, {"CLF", 25},   {"ISK", 138000},
    };
    int64_t per_thousand = 1000;
    for (size_t i = 0; i < COUNT(rates); i++) {
        const char *c = rates[i].code;
        if (to == ((currency_code)c[0] << 16 | (currency_code)c[1] << 8 | (currency_code)c[2])) {
            per_thousand = rates[i].per_thousand;
        }
    }
    int decimals = currency_decimals_iso(to);
    int64_t step = power_of_ten(6 - (decimals < 0 || decimals > 6 ? 2 : decimals));
    int64_t micro = milli_dollar * per_thousand;
    micro -= micro % step;
    return micro > 0 ? micro : step;
}

enum { WORK_BEGINS = 9, WORK_ENDS = 18 };
#define WORK_LENGTH ((WORK_ENDS - WORK_BEGINS) * HOUR)

/* How much is done on a day: a weekday is 10. 1970-01-01 was a Thursday. */
static uint64_t day_weight(int64_t local_day)
{
    return (local_day + 3) % 7 >= 5 ? 1 : 10;
}

int64_t floor_world_at_work(const struct floor_world *w, struct floor_random *r, int64_t us)
{
    int64_t time_of_day;
    int64_t day = calendar_local_day(w->calendar, us, &time_of_day);
    bool moved = false;
    if (time_of_day >= WORK_ENDS * HOUR) {
        day++;
        moved = true;
    } else if (time_of_day < WORK_BEGINS * HOUR) {
        moved = true;
    }
    while (day_weight(day) < 10 && !floor_random_chance(r, PPM(8))) {
        day++;
        moved = true;
    }
    if (!moved) {
        return us;
    }
    return calendar_instant(w->calendar, day, WORK_BEGINS * HOUR + floor_random_between(r, 0, WORK_LENGTH - 1));
}

int64_t floor_world_place(const struct floor_world *w, int64_t start_us, int64_t end_us, uint64_t done, uint64_t all)
{
    REQUIRE(done < all && start_us < end_us);
    int64_t unused;
    int64_t first = calendar_local_day(w->calendar, start_us, &unused);
    int64_t last = calendar_local_day(w->calendar, end_us - 1, &unused);
    uint64_t sum = 0;
    for (int64_t day = first; day <= last; day++) {
        sum += day_weight(day);
    }
    /* 128 bits: a million records times a thousand days would fit, but nobody should have to know that. */
    int128 at = (int128)done * (int128)sum;
    for (int64_t day = first; day <= last; day++) {
        int128 weight = (int128)day_weight(day) * (int128)all;
        if (at < weight) {
            int64_t us =
                calendar_instant(w->calendar, day, WORK_BEGINS * HOUR + (int64_t)((int128)WORK_LENGTH * at / weight));
            return us < start_us ? start_us : us >= end_us ? end_us - 1 : us;
        }
        at -= weight;
    }
    return end_us - 1;
}
