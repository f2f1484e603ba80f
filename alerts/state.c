#include "alerts/state.h"
#include "base/instant.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct exporting {
    json_t *list;
    const struct active *active;
};

static char *id_of(uint64_t fingerprint, uint32_t occurrence)
{
    struct buffer b;
    buffer_init(&b);
    alert_id_format(&b, fingerprint, occurrence);
    char *id = must_strdup(b.at);
    buffer_fini(&b);
    return id;
}

static json_t *resolved_entry(const struct engine_kept *kept)
{
    json_t *entry = json_pack("{s:s, s:s, s:s, s:s%, s:s, s:I}", "rule", kept->rule->name, "dimension",
                              dimension_name(kept->rule->dimension), "window", kept->window, "entity", kept->entity.at,
                              kept->entity.len, "state", alert_state_name(ALERT_RESOLVED), "occurrence",
                              (json_int_t)kept->occurrence);
    REQUIRE(entry != NULL);
    return entry;
}

static void export_one(void *context, const struct engine_kept *kept)
{
    struct exporting *x = context;
    json_t *entry;
    if (kept->firing) {
        char *id = id_of(kept->fingerprint, kept->occurrence);
        const char *json = active_find(x->active, id);
        REQUIRE(json != NULL); /* whatever was told that it fires is in there: alerts.c */
        entry = json_loads(json, 0, NULL);
        REQUIRE(entry != NULL);
        free(id);
    } else {
        entry = resolved_entry(kept);
    }
    REQUIRE(json_array_append_new(x->list, entry) == 0);
}

char *state_export(const struct engine *e, const struct active *active)
{
    struct exporting x = {.list = json_array(), .active = active};
    engine_each_kept(e, export_one, &x);
    json_t *root = json_pack("{s:i, s:o}", "version", 1, "alerts", x.list);
    REQUIRE(root != NULL);
    char *text = json_dumps(root, JSON_COMPACT);
    REQUIRE(text != NULL);
    json_decref(root);
    return text;
}

static struct text member(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);
    return json_is_string(value) ? (struct text){json_string_value(value), json_string_length(value)}
                                 : (struct text){"", 0};
}

/* told: by another instance, that we took over from; otherwise by this one before its restart. */
static bool import_one(struct engine *e, struct active *active, const json_t *entry, bool told)
{
    struct text state = member(entry, "state");
    bool firing = text_equal(state, text_of(alert_state_name(ALERT_FIRING)));
    const json_t *occurrence = json_object_get(entry, "occurrence");
    json_int_t n = json_is_integer(occurrence) ? json_integer_value(occurrence) : 0;
    int64_t starts_us = 0;
    if ((!firing && !text_equal(state, text_of(alert_state_name(ALERT_RESOLVED)))) || n < 1 || n >= UINT32_MAX ||
        (firing && instant_parse(member(entry, "starts_at"), &starts_us) != OK)) {
        return false;
    }
    struct text rule = member(entry, "rule"), window = member(entry, "window"), entity = member(entry, "entity");
    struct text dimension = member(entry, "dimension");
    uint32_t replaced = 0;
    bool taken = told ? firing && engine_adopt(e, rule, dimension, window, entity, (uint32_t)n, starts_us, &replaced)
                      : engine_restore(e, rule, dimension, window, entity, (uint32_t)n, firing, starts_us, &replaced);
    if (!taken) {
        return false;
    }
    uint64_t fingerprint = alert_fingerprint(rule, dimension_find(dimension), entity, window);
    if (replaced > 0) {
        char *id = id_of(fingerprint, replaced);
        active_remove(active, id);
        free(id);
    }
    if (firing) {
        char *json = json_dumps(entry, JSON_COMPACT);
        REQUIRE(json != NULL);
        char *id = id_of(fingerprint, (uint32_t)n);
        active_put(active, id, json);
        free(id);
    }
    return true;
}

bool state_import(struct engine *e, struct active *active, const char *json, size_t *out_refused)
{
    json_t *root = json_loads(json, 0, NULL);
    const json_t *list = json_object_get(root, "alerts");
    if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(list)) {
        json_decref(root);
        return false;
    }
    size_t i, refused = 0;
    const json_t *entry;
    json_array_foreach(list, i, entry)
    {
        refused += import_one(e, active, entry, false) ? 0 : 1;
    }
    json_decref(root);
    *out_refused = refused;
    return true;
}

bool state_adopt(struct engine *e, struct active *active, const char *json)
{
    json_t *entry = json_loads(json, 0, NULL);
    bool ok = json_is_object(entry) && import_one(e, active, entry, true);
    json_decref(entry);
    return ok;
}
