#include "publishers/keys.h"
#include <string.h>

void keys_init(struct keys *k, const char *namespace_)
{
    buffer_init(&k->prefix);
    buffer_string(&k->prefix, "kpid:{");
    buffer_string(&k->prefix, namespace_);
    buffer_string(&k->prefix, "}:");
}

void keys_fini(struct keys *k)
{
    buffer_fini(&k->prefix);
}

struct text keys_prefix(const struct keys *k)
{
    return buffer_view(&k->prefix);
}

void key_kpi(struct buffer *out, enum dimension d, const char *window, struct text entity)
{
    buffer_string(out, "kpi:");
    buffer_string(out, dimension_name(d));
    buffer_char(out, ':');
    buffer_string(out, window);
    buffer_char(out, ':');
    buffer_text(out, entity);
}

void key_board(struct buffer *out, enum dimension d, const char *window, enum kpi k)
{
    buffer_string(out, "board:");
    buffer_string(out, dimension_name(d));
    buffer_char(out, ':');
    buffer_string(out, window);
    buffer_char(out, ':');
    buffer_string(out, kpi_info(k)->name);
}

void key_entity(struct buffer *out, enum dimension d, struct text entity)
{
    buffer_string(out, "entity:");
    buffer_string(out, dimension_name(d));
    buffer_char(out, ':');
    buffer_text(out, entity);
}

void key_strengths(struct buffer *out, const char *window, struct text manager)
{
    buffer_string(out, "strengths:");
    buffer_string(out, window);
    buffer_char(out, ':');
    buffer_text(out, manager);
}

void key_series(struct buffer *out, enum dimension d, struct text entity, enum kpi k)
{
    buffer_string(out, "series:");
    buffer_string(out, dimension_name(d));
    buffer_char(out, ':');
    buffer_text(out, entity);
    buffer_char(out, ':');
    buffer_string(out, kpi_info(k)->name);
}

void key_entities(struct buffer *out, enum dimension d)
{
    buffer_string(out, "entities:");
    buffer_string(out, dimension_name(d));
}

void key_stage(struct buffer *out, int64_t epoch, uint64_t number)
{
    buffer_string(out, "stage:");
    buffer_integer(out, epoch);
    buffer_char(out, ':');
    buffer_integer(out, (int64_t)number);
}

bool key_is_indexed(struct text suffix)
{
    static const struct text kinds[] = {{"kpi:", 4},      {"board:", 6},      {"entity:", 7},
                                        {"entities:", 9}, {"strengths:", 10}, {"series:", 7}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (suffix.len > kinds[i].len && memcmp(suffix.at, kinds[i].at, kinds[i].len) == 0)
            return true;
    }
    return false;
}
