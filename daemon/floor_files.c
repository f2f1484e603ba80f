#include "daemon/floor_files.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct floor_files {
    FILE *streams[FACT_KINDS];
    struct buffer line;
    int failed; /* the first errno */
};

static void close_streams(struct floor_files *f)
{
    for (int kind = 0; kind < FACT_KINDS; kind++) {
        if (f->streams[kind] != NULL && fclose(f->streams[kind]) != 0 && f->failed == 0) {
            f->failed = errno;
        }
        f->streams[kind] = NULL;
    }
}

struct floor_files *floor_files_open(const char *folder, char **out_path)
{
    struct floor_files *f = must_zalloc(sizeof *f);
    struct buffer path;
    buffer_init(&path);
    buffer_init(&f->line);
    buffer_string(&path, folder);
    bool opened = mkdir(folder, 0777) == 0 || errno == EEXIST;
    for (int kind = 0; kind < FACT_KINDS && opened; kind++) {
        buffer_clear(&path);
        buffer_format(&path, "%s/%s.ndjson", folder, record_kind_info((enum record_kind)kind)->topic);
        f->streams[kind] = fopen(path.at, "w");
        opened = f->streams[kind] != NULL;
    }
    if (!opened) {
        int why = errno;
        if (out_path != NULL) {
            *out_path = must_strdup(path.at);
        }
        close_streams(f);
        buffer_fini(&f->line);
        free(f);
        f = NULL;
        errno = why;
    }
    buffer_fini(&path);
    return f;
}

void floor_files_line(struct buffer *b, const struct floor_message *m)
{
    struct text v = m->value;
    if (m->tombstone) {
        buffer_string(b, "{\"kafka_key\":");
        buffer_json(b, m->key);
    } else if (v.len > 2 && v.at[0] == '{' && v.at[v.len - 1] == '}') {
        buffer_add(b, v.at, v.len - 1);
    } else {
        buffer_text(b, v);
        return;
    }
    buffer_string(b, ",\"kafka_timestamp\":");
    buffer_integer(b, m->kafka_ms);
    buffer_char(b, '}');
}

void floor_files_write(struct floor_files *f, const struct floor_message *m)
{
    buffer_clear(&f->line);
    floor_files_line(&f->line, m);
    buffer_char(&f->line, '\n');
    if (fwrite(f->line.at, 1, f->line.len, f->streams[m->kind]) != f->line.len && f->failed == 0) {
        f->failed = errno;
    }
}

bool floor_files_close(struct floor_files *f)
{
    if (f == NULL) {
        return true;
    }
    close_streams(f);
    int failed = f->failed;
    buffer_fini(&f->line);
    free(f);
    errno = failed;
    return failed == 0;
}
