/* What is in a checkpoint, for a person: also while kpid runs and writes there. */
#include "base/instant.h"
#include "checkpoint/load.h"
#include "daemon/command.h"
#include "daemon/options.h"
#include "daemon/record_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char about[] =
    "info     what the checkpoint in a folder holds: its instant, positions, counters, records, size\n"
    "verify   reads all of it and says whether it is whole: exit 0, or 1\n"
    "export   prints its records, one JSON object a line, by kind and key: the same bytes in whatever order their\n"
    "         events came\n"
    "compact  writes it anew without free pages; kpid must not be running\n";

static int tell(const char *folder, enum store_result result, const struct buffer *problem)
{
    fprintf(stderr, "kpid checkpoint: %s\n", problem->len > 0 ? problem->at : folder);
    return result == STORE_EMPTY || result == STORE_FAILED ? EX_NOINPUT : 1;
}

/* NULL: it was told why, and *out_status says it. */
static struct restoration *load(const char *folder, struct store_size *out_size, int *out_status)
{
    struct buffer problem;
    enum store_result result;
    buffer_init(&problem);
    struct restoration *r = checkpoint_load(folder, out_size, &result, &problem);
    if (r == NULL)
        *out_status = tell(folder, result, &problem);
    buffer_fini(&problem);
    return r;
}

static void print_instant(const char *what, int64_t us)
{
    struct buffer b;
    buffer_init(&b);
    if (us == INSTANT_NONE)
        buffer_string(&b, "none");
    else
        instant_format(&b, us, true);
    printf("%-16s %s\n", what, b.at);
    buffer_fini(&b);
}

static void print_positions(const struct cut *cut)
{
    for (size_t i = 0; i < cut->position_count; i++) {
        const struct cut_position *p = &cut->positions[i];
        printf("%-16s %s %" PRId32 ": %" PRId64, i == 0 ? "positions" : "", p->topic, p->partition, p->offset);
        if (p->reached > p->offset)
            printf(" (whole from %" PRId64 ")", p->reached);
        printf("\n");
    }
}

static int info(const char *folder)
{
    int status = EX_OK;
    struct store_size size;
    struct restoration *r = load(folder, &size, &status);
    if (r == NULL)
        return status;
    const struct accounts *a = &r->cut.accounts;
    print_instant("as of", r->cut.now_us);
    print_instant("latest event", r->cut.latest_us);
    printf("%-16s %" PRId64 " = %" PRId64 " applied + %" PRId64 " duplicate + %" PRId64 " superseded + %" PRId64
           " dead letters + %" PRId64 " filtered\n",
           "messages", a->read, a->applied, a->duplicate, a->superseded, a->dead_lettered, a->filtered);
    for (unsigned k = 0; k < KIND_COUNT; k++)
        if (r->ledger.keys[k].count > 0)
            printf("%-16s %" PRIu32 " %s\n", k == 0 ? "records" : "", r->ledger.keys[k].count,
                   record_kind_info(k)->topic);
    printf("%-16s%s%s%s\n", "histories", r->cut.keeps & CUT_KEEPS_OWNERS ? " owners" : "",
           r->cut.keeps & CUT_KEEPS_BOOKS ? " books" : "", r->cut.keeps == 0 ? " stages" : " and stages");
    print_positions(&r->cut);
    printf("%-16s %" PRId64 " rows, %.1f MiB on disk, %.1f MiB in use, %" PRId64 " commits\n", "size", size.rows,
           (double)size.file_bytes / 1048576, (double)size.used_bytes / 1048576, size.commits);
    restoration_destroy(r);
    return EX_OK;
}

static int verify(const char *folder)
{
    int status = EX_OK;
    struct store_size size;
    struct restoration *r = load(folder, &size, &status);
    if (r == NULL)
        return status;
    printf("%s: whole, %" PRId64 " rows\n", folder, size.rows);
    restoration_destroy(r);
    return EX_OK;
}

static int by_key(const void *a, const void *b, void *context)
{
    const struct intern *keys = context;
    return text_compare(intern_text(keys, *(const uint32_t *)a), intern_text(keys, *(const uint32_t *)b));
}

static int export(const char *folder)
{
    int status = EX_OK;
    struct store_size size;
    struct restoration *r = load(folder, &size, &status);
    if (r == NULL)
        return status;
    struct buffer line;
    buffer_init(&line);
    for (unsigned k = 0; k < KIND_COUNT; k++) {
        uint32_t count = r->ledger.keys[k].count;
        uint32_t *slots = must_alloc(count * sizeof *slots + 1);
        for (uint32_t i = 0; i < count; i++)
            slots[i] = i;
        qsort_r(slots, count, sizeof *slots, by_key, &r->ledger.keys[k]);
        for (uint32_t i = 0; i < count; i++) {
            const struct record *record = ledger_at(&r->ledger, k, slots[i]);
            if (record_told(record).len == 0)
                continue; /* it is only named by another */
            buffer_clear(&line);
            record_text(&r->ledger, record, &line);
            fwrite(line.at, 1, line.len, stdout);
        }
        free(slots);
    }
    buffer_fini(&line);
    restoration_destroy(r);
    return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

static int compact(const char *folder)
{
    struct buffer problem;
    buffer_init(&problem);
    enum store_result result = store_check(folder, &problem);
    if (result == STORE_OK)
        result = store_compact(folder, &problem);
    int status = result == STORE_OK ? EX_OK : tell(folder, result, &problem);
    buffer_fini(&problem);
    return status;
}

static const struct action {
    const char *name;
    int (*run)(const char *folder);
} actions[] = {{"info", info}, {"verify", verify}, {"export", export}, {"compact", compact}};
enum { ACTIONS = sizeof actions / sizeof *actions };

int cmd_checkpoint(int argc, char **argv)
{
    struct options o;
    const struct action *action = NULL;
    const char *folder = NULL, *names[ACTIONS];
    for (unsigned i = 0; i < ACTIONS; i++)
        names[i] = actions[i].name;
    options_begin(&o, "checkpoint", "info|verify|export|compact FOLDER", about, NULL, 0, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        if (i == OPTIONS_HELP)
            return EX_OK;
        if (i != OPTIONS_ARGUMENT)
            return EX_USAGE;
        if (action != NULL && folder != NULL) {
            options_complain(&o, "one argument too many");
            return EX_USAGE;
        }
        if (action != NULL) {
            folder = o.value;
            continue;
        }
        for (unsigned a = 0; a < ACTIONS; a++)
            if (strcmp(actions[a].name, o.value) == 0)
                action = &actions[a];
        if (action == NULL) {
            const char *nearest = options_nearest(o.value, names, ACTIONS);
            fprintf(stderr, "kpid checkpoint: unknown action '%s'", o.value);
            if (nearest != NULL)
                fprintf(stderr, "; did you mean '%s'?", nearest);
            fprintf(stderr, "\n");
            return EX_USAGE;
        }
    }
    if (folder == NULL) {
        fprintf(stderr, "kpid checkpoint: say what to do, and with which folder; 'kpid checkpoint --help'\n");
        return EX_USAGE;
    }
    return action->run(folder);
}
