#include "daemon/config_file.h"
#include "consumers/kafka_property.h"
#include <stdio.h>

struct config *config_file_load(const char *command, const char *path, bool with_secrets)
{
    struct config_problems problems = {0};
    config_check_properties_with(kafka_property_check);
    struct config *c = with_secrets ? config_open(path, &problems) : config_open_without_secrets(path, &problems);
    for (size_t i = 0; i < problems.count; i++)
        fprintf(stderr, "%s\n", problems.lines[i]);
    if (c == NULL)
        fprintf(stderr, "kpid %s: the configuration is wrong in %zu place%s\n", command, problems.count,
                problems.count == 1 ? "" : "s");
    config_problems_fini(&problems);
    return c;
}

struct calendar *config_file_calendar(const char *command, const struct config *c)
{
    struct calendar *calendar = calendar_create(c->time_zone, c->week_start, c->fiscal_month);
    if (calendar == NULL)
        fprintf(stderr, "kpid %s: this machine has no time zone '%s' (is tzdata installed?)\n", command, c->time_zone);
    return calendar;
}
