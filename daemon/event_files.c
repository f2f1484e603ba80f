#include "daemon/event_files.h"
#include "base/error.h"
#include "daemon/line_reader.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct option_row event_file_rows[KIND_COUNT] = {
    [KIND_LEAD] = {"leads", "FILE", "lead events"},
    [KIND_DEAL] = {"deals", "FILE", "deal events"},
    [KIND_PAYMENT] = {"payments", "FILE", "payment events"},
    [KIND_FEEDBACK] = {"feedback", "FILE", "feedback events"},
    [KIND_RATE] = {"rates", "FILE", "exchange rates"},
    [KIND_MEMBER] = {"members", "FILE", "who is in which team"},
    [KIND_TARGET] = {"targets", "FILE", "targets"},
};

void event_files_init(struct event_files *f, const char *command, size_t most)
{
    *f = (struct event_files){command, must_zalloc(most * sizeof *f->at), 0};
}

void event_files_fini(struct event_files *f)
{
    free(f->at);
}

bool event_files_add(struct event_files *f, const struct options *o, enum record_kind kind)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(o->value, "-") == 0 && strcmp(f->at[i].path, "-") == 0) {
            options_complain(o, "standard input can be read once only");
            return false;
        }
    }
    f->at[f->count++] = (struct event_file){kind, o->value};
    return true;
}

void event_files_need_inputs(const struct event_files *f, struct config *config)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->at[i].kind >= FACT_KINDS && config_find_input(config, f->at[i].kind) < 0)
            config_add_input(config, f->at[i].kind);
}

static const char *shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* An empty line is no event. */
static bool is_blank(struct text line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] != ' ' && line.at[i] != '\t' && line.at[i] != '\r')
            return false;
    return true;
}

static void tell_dead_letter(const struct event_file *file, const struct line_reader *lines, enum error reason,
                             const char *detail)
{
    fprintf(stderr, "%s:%lld: %s: %s%s%s%s\n", shown(file->path), (long long)lines->number, error_name(reason),
            error_text(reason), detail[0] != 0 ? " (" : "", detail, detail[0] != 0 ? ")" : "");
}

static bool read_file(const struct event_files *f, uint32_t slot, const struct config *config, struct decoder *decoder,
                      void (*take)(void *context, const struct event *e), void *context)
{
    const struct event_file *file = &f->at[slot];
    int input = config_find_input(config, file->kind);
    if (input < 0) {
        fprintf(stderr, "kpid %s: the configuration has no input of kind %s\n", f->command,
                record_kind_info(file->kind)->name);
        return false;
    }
    struct line_reader lines;
    if (!line_reader_open(&lines, file->path, (size_t)config->kafka.message_size_max)) {
        fprintf(stderr, "kpid %s: %s: %s\n", f->command, shown(file->path), strerror(errno));
        return false;
    }
    _Alignas(8) unsigned char memory[EVENT_SIZE_MAX];
    struct event *event = (struct event *)(void *)memory;
    char topic[32];
    snprintf(topic, sizeof topic, "file-%u", slot); /* a name for the position; not the path, which may be any bytes */
    event_note(memory, EVENT_SLOT, slot, 0, text_of(topic));
    take(context, event);
    enum line_result result;
    struct text line;
    while ((result = line_reader_next(&lines, &line)) == LINE_OK || result == LINE_TOO_LONG) {
        const char *detail = "";
        if (result == LINE_TOO_LONG) {
            event_note(memory, EVENT_DEAD_LETTER, slot, lines.number, TEXT(""));
            event->kind = (uint8_t)file->kind;
            event->reason = BAD_SIZE;
        } else if (is_blank(line)) {
            continue;
        } else {
            decode_line(decoder, (unsigned)input, line, slot, lines.number, memory);
            detail = decoder_detail(decoder);
        }
        if (event->fate == EVENT_DEAD_LETTER)
            tell_dead_letter(file, &lines, (enum error)event->reason, detail);
        take(context, event);
    }
    if (result == LINE_FAILED)
        fprintf(stderr, "kpid %s: %s: %s\n", f->command, shown(file->path), strerror(errno));
    line_reader_close(&lines);
    return result == LINE_END;
}

bool event_files_read(const struct event_files *f, const struct config *config, struct decoder *decoder,
                      void (*take)(void *context, const struct event *e), void *context)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (!read_file(f, i, config, decoder, take, context))
            return false;
    return true;
}
