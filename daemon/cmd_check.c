/* Reads a configuration as `run` would and tells everything that is wrong in it. */
#include "config/config.h"
#include "config/reference.h"
#include "consumers/kafka_property.h"
#include "daemon/command.h"
#include "daemon/options.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char about[] =
    "Reads a configuration and tells every problem in it on standard error, as FILE:LINE:COLUMN: what is wrong;\n"
    "what to do. Without FILE it is the one that `kpid run` would read: $KPID_CONFIG, else /etc/kpid/kpid.yaml,\n"
    "else the defaults. Nothing is connected to. Exit: 0 it is right, 78 it is not.";

enum { OPT_CONFIG, OPT_QUIET, OPT_WITHOUT_SECRETS, OPT_PRINT_DEFAULTS, OPT_SCHEMA, OPT_REFERENCE, OPT_COUNT };

static const struct option_row rows[OPT_COUNT] = {
    [OPT_CONFIG] = {"config", "FILE", "the configuration; - is standard input"},
    [OPT_QUIET] = {"quiet", NULL, "say nothing where it is right"},
    [OPT_WITHOUT_SECRETS] = {"without-secrets", NULL, "do not read the files, variables and credentials of secrets"},
    [OPT_PRINT_DEFAULTS] = {"print-defaults", NULL, "print a configuration in which every default stands, and end"},
    [OPT_SCHEMA] = {"schema", NULL, "print the JSON Schema of configurations, for editors, and end"},
    [OPT_REFERENCE] = {"reference", NULL, "print all options as tables in Markdown, and end"},
};

static int print(void (*write)(struct buffer *b))
{
    struct buffer b;
    buffer_init(&b);
    write(&b);
    size_t written = fwrite(b.at, 1, b.len, stdout);
    int status = written == b.len && fflush(stdout) == 0 ? EX_OK : EX_IOERR;
    buffer_fini(&b);
    return status;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int check(const char *path, bool quiet, bool secrets)
{
    struct config_problems problems = {0};
    config_check_properties_with(kafka_property_check);
    const char *found = config_find(path);
    const char *name = found == NULL ? "defaults" : strcmp(found, "-") == 0 ? "standard input" : found;
    struct config *c = secrets ? config_open(path, &problems) : config_open_without_secrets(path, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        fprintf(stderr, "%s\n", problems.lines[i]);
    }
    config_problems_fini(&problems);
    if (c == NULL) {
        return EX_CONFIG;
    }
    if (!quiet) {
        printf("%s: ok (%u input%s, %u window%s, %zu rule%s, %zu receiver%s)\n", name, c->input_count,
               plural(c->input_count), c->window_count, plural(c->window_count), c->alerts.rule_count,
               plural(c->alerts.rule_count), c->alerts.receiver_count, plural(c->alerts.receiver_count));
    }
    config_destroy(c);
    return EX_OK;
}

int cmd_check(int argc, char **argv)
{
    const char *path = NULL;
    bool quiet = false, secrets = true;
    struct options o;
    options_begin(&o, "check", "[OPTION]... [FILE]", about, rows, OPT_COUNT, argc, argv);
    for (int i; (i = options_next(&o)) != OPTIONS_END;) {
        switch (i) {
        case OPT_CONFIG:
        case OPTIONS_ARGUMENT:
            if (path != NULL) {
                fprintf(stderr, "kpid check: '%s' beside '%s'; one configuration at a time\n", o.value, path);
                return EX_USAGE;
            }
            path = o.value;
            break;
        case OPT_QUIET: quiet = true; break;
        case OPT_WITHOUT_SECRETS: secrets = false; break;
        case OPT_PRINT_DEFAULTS: return print(reference_defaults);
        case OPT_SCHEMA: return print(reference_schema);
        case OPT_REFERENCE: return print(reference_markdown);
        case OPTIONS_HELP: return EX_OK;
        default: return EX_USAGE;
        }
    }
    return check(path, quiet, secrets);
}
