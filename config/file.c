/* From a file to a configuration: where it is, its bytes, its tree, its options, its checks. */
#include "base/error.h"
#include "config/load.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PATH "/etc/kpid/kpid.yaml"

static config_property_check *property_check; /* set before any thread; NULL: none */

void config_check_properties_with(config_property_check *check)
{
    property_check = check;
}

/* Secrets for librdkafka join its properties. */
static void add_kafka_secrets(struct loader *l)
{
    struct kafka_config *kafka = &l->config->kafka;
    size_t count = kafka->property_count + l->kafka_secret_count;
    if (l->kafka_secret_count == 0) {
        return;
    }
    kafka->properties = must_realloc(kafka->properties, count * sizeof kafka->properties[0]);
    memcpy(kafka->properties + kafka->property_count, l->kafka_secrets,
           l->kafka_secret_count * sizeof kafka->properties[0]);
    kafka->property_count = count;
}

struct config *config_load_bytes(const char *name, struct text bytes, bool secrets, struct config_problems *out)
{
    struct report report;
    report_init(&report, name);
    struct config *c = NULL;
    struct node *root = yaml_parse(bytes, &report);
    if (root != NULL) {
        c = must_zalloc(sizeof *c);
        c->lock_day = INT64_MIN;
        c->calendars = must_alloc(sizeof c->calendars[0]);
        c->calendar_count = 1;
        working_calendar_default(&c->calendars[0], "default");
        c->hash = text_hash(bytes);
        struct loader l = {
            .report = &report, .config = c, .name = name, .secrets = secrets, .property_check = property_check};
        load_group(&l, option_table, "", root, c);
        add_kafka_secrets(&l);
        check_all(&l, root);
        node_destroy(root);
    }
    if (report.count > 0) {
        config_destroy(c);
        c = NULL;
    }
    report_write(&report, out);
    report_fini(&report);
    return c;
}

struct config *config_default(void)
{
    struct config_problems none = {0};
    struct config *c = config_load_bytes("default", TEXT(""), false, &none);
    REQUIRE(c != NULL);
    return c;
}

struct config *config_parse(const char *name, const char *bytes, size_t size, struct config_problems *out)
{
    return config_load_bytes(name, (struct text){bytes, size}, true, out);
}

static void add_problem(struct config_problems *out, const char *name, const char *why)
{
    struct report report;
    report_init(&report, name);
    report_add(&report, (struct mark){0, 0}, "cannot be read: %s", why);
    report_write(&report, out);
    report_fini(&report);
}

/* The whole file, but not more than shows that it is too large; NULL and the reason. */
static char *read_all(int fd, size_t *out_size)
{
    size_t room = YAML_SIZE_MAX + 1, size = 0;
    char *bytes = must_alloc(room);
    while (size < room) {
        ssize_t n = read(fd, bytes + size, room - size);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            free(bytes);
            return NULL;
        }
        if (n == 0) {
            break;
        }
        size += (size_t)n;
    }
    *out_size = size;
    return bytes;
}

static struct config *load(const char *path, bool secrets, struct config_problems *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    const char *name = is_stdin ? "standard input" : path;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        add_problem(out, name, strerror(errno));
        return NULL;
    }
    size_t size = 0;
    char *bytes = read_all(fd, &size);
    int error = errno;
    if (!is_stdin) {
        close(fd);
    }
    if (bytes == NULL) {
        add_problem(out, name, strerror(error));
        return NULL;
    }
    struct config *c = config_load_bytes(name, (struct text){bytes, size}, secrets, out);
    free(bytes);
    return c;
}

struct config *config_load(const char *path, struct config_problems *out)
{
    return load(path, true, out);
}

const char *config_find(const char *path)
{
    if (path != NULL) {
        return path;
    }
    const char *named = getenv("KPID_CONFIG");
    if (named != NULL && named[0] != '\0') {
        return named;
    }
    /* One that is there but may not be read is a problem to be told, not a reason for the defaults. */
    return access(DEFAULT_PATH, F_OK) == 0 ? DEFAULT_PATH : NULL;
}

static struct config *open_found(const char *path, bool secrets, struct config_problems *out)
{
    const char *found = config_find(path);
    return found != NULL ? load(found, secrets, out) : config_default();
}

struct config *config_open(const char *path, struct config_problems *out)
{
    return open_found(path, true, out);
}

struct config *config_open_without_secrets(const char *path, struct config_problems *out)
{
    return open_found(path, false, out);
}
