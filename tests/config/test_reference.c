/* What is made from the table of options, and the sample, are what the table says. */
#include "config/load.h"
#include "config/reference.h"
#include "tests/config/config_text.h"
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void read_source(const char *path, struct buffer *b)
{
    const char *root = getenv("SOURCE_DIR");
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root != NULL ? root : ".", path);
    FILE *f = fopen(full, "rb");
    cr_assert_not_null(f, "%s (set SOURCE_DIR)", full);
    char chunk[4096];
    buffer_init(b);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;) {
        buffer_add(b, chunk, n);
    }
    fclose(f);
}

Test(reference, schema_is_fresh)
{
    struct buffer file, made;
    read_source("config/schema.json", &file);
    buffer_init(&made);
    reference_schema(&made);
    cr_expect(text_equal(buffer_view(&file), buffer_view(&made)), "stale: kpid check --schema > config/schema.json");
    buffer_fini(&file);
    buffer_fini(&made);
}

Test(reference, page_is_fresh)
{
    static const char begin[] = "<!-- options -->\n\n", end[] = "<!-- end of options -->\n";
    struct buffer file, made;
    read_source("docs/configuration.md", &file);
    buffer_init(&made);
    reference_markdown(&made);
    const char *from = strstr(file.at, begin);
    cr_assert_not_null(from);
    from += strlen(begin);
    const char *to = strstr(from, end);
    cr_assert_not_null(to);
    cr_expect(text_equal((struct text){from, (size_t)(to - from)}, buffer_view(&made)),
              "stale: put the output of kpid check --reference between the marks in docs/configuration.md");
    buffer_fini(&file);
    buffer_fini(&made);
}

static void expect_default(const char *yaml)
{
    struct buffer wanted, found;
    buffer_init(&wanted);
    buffer_init(&found);
    struct config *c = config_default(), *parsed = PARSE(yaml);
    cr_expect_str_eq(config_text(parsed, &found), config_text(c, &wanted));
    config_destroy(c);
    config_destroy(parsed);
    buffer_fini(&wanted);
    buffer_fini(&found);
}

Test(reference, printed_defaults_are_the_defaults)
{
    struct buffer made;
    buffer_init(&made);
    reference_defaults(&made);
    expect_default(made.at);
    buffer_fini(&made);
}

enum uncomment { AS_IT_IS, DEFAULTS, EXAMPLES };

/* "#tick: 100ms" is a default, "#|tick: 100ms" an example, "# text" prose. */
static void uncomment(const struct buffer *sample, enum uncomment what, struct buffer *out)
{
    const char *line = sample->at;
    while (*line != '\0') {
        const char *end = strchr(line, '\n');
        cr_assert_not_null(end);
        const char *mark = line + strspn(line, " ");
        size_t indent = (size_t)(mark - line);
        bool is_default = mark[0] == '#' && strchr(" |\n", mark[1]) == NULL;
        bool is_example = mark[0] == '#' && mark[1] == '|';
        if ((what == DEFAULTS && is_default) || (what == EXAMPLES && is_example)) {
            buffer_add(out, line, indent);
            mark += is_default ? 1 : 2;
            buffer_add(out, mark, (size_t)(end + 1 - mark));
        } else {
            buffer_add(out, line, (size_t)(end + 1 - line));
        }
        line = end + 1;
    }
}

/* A sample that lies about a default is worse than none. */
Test(reference, sample_says_the_defaults)
{
    struct buffer sample, yaml;
    read_source("config/kpid.yaml", &sample);
    buffer_init(&yaml);
    expect_default(sample.at);
    uncomment(&sample, DEFAULTS, &yaml);
    cr_expect(!text_equal(buffer_view(&yaml), buffer_view(&sample)));
    expect_default(yaml.at);
    buffer_fini(&sample);
    buffer_fini(&yaml);
}

Test(reference, examples_of_the_sample_are_right)
{
    struct buffer sample, yaml;
    struct config_problems problems = {0};
    read_source("config/kpid.yaml", &sample);
    buffer_init(&yaml);
    uncomment(&sample, EXAMPLES, &yaml);
    struct config *c = config_load_bytes("kpid.yaml", buffer_view(&yaml), false, &problems);
    cr_assert_not_null(c, "%s", problems.count > 0 ? problems.lines[0] : "");
    cr_expect_eq(c->alerts.rule_count, 3);
    cr_expect_eq(c->input_count, 3);
    config_destroy(c);
    buffer_fini(&sample);
    buffer_fini(&yaml);
}

static bool has_default_line(const struct buffer *sample, const struct option *o)
{
    char wanted[300];
    for (const char *at = sample->at; (at = strstr(at, o->name)) != NULL; at++) {
        /* "#name: default", as its own line */
        snprintf(wanted, sizeof wanted, "#%s: %s\n", o->name, o->fallback);
        if (at > sample->at && strncmp(at - 1, wanted, strlen(wanted)) == 0) {
            return true;
        }
    }
    return false;
}

static void expect_in_sample(const struct buffer *sample, const struct option *options)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        if (o->type == OPTION_GROUP) {
            expect_in_sample(sample, o->options);
        } else if (o->fallback != NULL) {
            cr_expect(has_default_line(sample, o), "the sample has no line '#%s: %s'", o->name, o->fallback);
        }
    }
}

Test(reference, sample_has_every_option_with_a_default)
{
    struct buffer sample;
    read_source("config/kpid.yaml", &sample);
    expect_in_sample(&sample, option_table);
    buffer_fini(&sample);
}

/* Each ```yaml block of the page is a whole file that check accepts. */
Test(reference, examples_of_the_page_are_right)
{
    struct buffer page;
    read_source("docs/configuration.md", &page);
    unsigned count = 0;
    for (const char *at = page.at; (at = strstr(at, "```yaml\n")) != NULL; count++) {
        at += strlen("```yaml\n");
        const char *end = strstr(at, "```\n");
        cr_assert_not_null(end);
        struct config_problems problems = {0};
        struct config *c = config_load_bytes("page", (struct text){at, (size_t)(end - at)}, false, &problems);
        cr_expect(c != NULL, "example %u: %s", count + 1, problems.count > 0 ? problems.lines[0] : "");
        config_destroy(c);
        config_problems_fini(&problems);
        at = end;
    }
    cr_expect_geq(count, 6);
    buffer_fini(&page);
}

/* The schema names every option, its defaults obey it in type, and every $ref leads somewhere. */
static void expect_refs(const json_t *node, const json_t *definitions)
{
    const char *key;
    json_t *value;
    size_t i;
    if (json_is_object(node)) {
        json_object_foreach((json_t *)(uintptr_t)node, key, value)
        {
            if (strcmp(key, "$ref") == 0) {
                const char *ref = json_string_value(value);
                cr_assert(strncmp(ref, "#/$defs/", 8) == 0, "%s", ref);
                cr_expect_not_null(json_object_get(definitions, ref + 8), "%s", ref);
            }
            expect_refs(value, definitions);
        }
    } else if (json_is_array(node)) {
        json_array_foreach(node, i, value) expect_refs(value, definitions);
    }
}

Test(reference, schema_is_whole)
{
    struct buffer made;
    buffer_init(&made);
    reference_schema(&made);
    json_t *schema = json_loadb(made.at, made.len, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(schema);
    json_t *properties = json_object_get(schema, "properties");
    for (const struct option *o = option_table; o->name != NULL; o++) {
        cr_expect_not_null(json_object_get(properties, o->name), "%s", o->name);
    }
    json_t *redis = json_object_get(json_object_get(properties, "redis"), "properties");
    cr_expect_not_null(json_object_get(redis, "password_file"));
    cr_expect_null(json_object_get(redis, "password"), "a secret never stands in the file");
    expect_refs(schema, json_object_get(schema, "$defs"));
    json_decref(schema);
    buffer_fini(&made);
}
