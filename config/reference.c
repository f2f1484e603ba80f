#include "config/reference.h"
#include "base/error.h"
#include "config/field.h"
#include "config/kpi_table.h"
#include "config/option.h"
#include "config/scalar.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Markdown ---- */

static void write_limits(struct buffer *b, const struct option *o)
{
    buffer_string(b, ", ");
    if (o->type == OPTION_DURATION) {
        duration_format(b, o->least);
        buffer_string(b, " to ");
        duration_format(b, o->most);
    } else if (o->type == OPTION_SIZE) {
        size_format(b, o->least);
        buffer_string(b, " to ");
        size_format(b, o->most);
    } else {
        buffer_integer(b, o->least);
        buffer_string(b, " to ");
        buffer_integer(b, o->most);
    }
}

static void write_words(struct buffer *b, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        buffer_string(b, i > 0 ? ", " : "");
        buffer_string(b, words[i]);
    }
}

static void write_type(struct buffer *b, const struct option *o)
{
    switch (o->type) {
    case OPTION_TEXT: buffer_string(b, o->form != NULL ? o->form : "text"); break;
    case OPTION_SECRET: buffer_string(b, o->inline_too ? "text or secret" : "secret"); break;
    case OPTION_INTEGER: buffer_string(b, "number"); break;
    case OPTION_DURATION: buffer_string(b, "duration"); break;
    case OPTION_SIZE: buffer_string(b, "size"); break;
    case OPTION_CHOICE: write_words(b, o->words); break;
    case OPTION_LIST: buffer_string(b, "list"); break;
    case OPTION_GROUP:
    case OPTION_CUSTOM: buffer_string(b, o->form != NULL ? o->form : "group"); break;
    }
    if (o->type == OPTION_INTEGER || o->type == OPTION_DURATION || o->type == OPTION_SIZE) {
        write_limits(b, o);
    }
}

static void write_names(struct buffer *b, const struct option *o)
{
    if (o->type != OPTION_SECRET || o->inline_too) {
        buffer_format(b, "`%s`%s", o->name, o->type == OPTION_SECRET ? ", " : "");
    }
    for (unsigned i = 0; o->type == OPTION_SECRET && i < SECRET_SUFFIX_COUNT; i++) {
        buffer_format(b, "%s`%s%s`", i > 0 ? ", " : "", o->name, secret_suffixes[i]);
    }
}

static void write_fallback(struct buffer *b, const struct option *o)
{
    if (o->required) {
        buffer_string(b, "*required*");
    } else {
        if (o->fallback != NULL) {
            buffer_format(b, "`%s`", o->fallback);
        }
        if (o->fallback_note != NULL) {
            buffer_format(b, "%s%s", o->fallback != NULL ? "; " : "", o->fallback_note);
        }
    }
}

static void write_table(struct buffer *b, const char *path, const struct option *options)
{
    buffer_format(b, "| option | type | default | meaning |\n|---|---|---|---|\n");
    for (const struct option *o = options; o->name != NULL; o++) {
        if (o->type == OPTION_GROUP) {
            continue;
        }
        buffer_string(b, "| ");
        write_names(b, o);
        buffer_string(b, " | ");
        write_type(b, o);
        buffer_string(b, " | ");
        write_fallback(b, o);
        buffer_format(b, " | %s", o->help);
        if (o->type == OPTION_LIST) {
            buffer_format(b, " See `%s%s[]` below.", path, o->name);
        }
        buffer_string(b, " |\n");
    }
    buffer_char(b, '\n');
}

static void write_lists(struct buffer *b, const char *path, const struct option *options)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        if (o->type == OPTION_LIST) {
            buffer_format(b, "### `%s%s[]`\n\n", path, o->name);
            write_table(b, path, o->options);
        }
    }
}

void reference_markdown(struct buffer *b)
{
    buffer_string(b, "### At the top\n\n");
    write_table(b, "", option_table);
    write_lists(b, "", option_table);
    for (const struct option *o = option_table; o->name != NULL; o++) {
        if (o->type != OPTION_GROUP) {
            continue;
        }
        char path[64];
        snprintf(path, sizeof path, "%s.", o->name);
        buffer_format(b, "### `%s`\n\n%s\n\n", o->name, o->help);
        write_table(b, path, o->options);
        write_lists(b, path, o->options);
    }
}

/* ---- a file of the defaults ---- */

static void write_defaults(struct buffer *b, const struct option *options, unsigned indent)
{
    for (const struct option *o = options; o->name != NULL; o++) {
        buffer_format(b, "%*s# %s\n", (int)indent, "", o->help);
        if (o->type == OPTION_GROUP) {
            buffer_format(b, "%*s%s:\n", (int)indent, "", o->name);
            write_defaults(b, o->options, indent + 2);
        } else if (o->fallback != NULL) {
            buffer_format(b, "%*s%s: %s\n", (int)indent, "", o->name, o->fallback);
        } else {
            buffer_format(b, "%*s# %s: not set\n", (int)indent, "", o->name);
        }
    }
}

void reference_defaults(struct buffer *b)
{
    write_defaults(b, option_table, 0);
}

/* ---- JSON Schema ---- */

static void quote(struct buffer *b, const char *s)
{
    buffer_json(b, text_of(s));
}

/* What a default's text means in JSON: flow YAML of plain words, so quotes are all that is missing. */
static void write_default_value(struct buffer *b, const struct option *o)
{
    if (o->fallback == NULL || o->fallback[0] == '[') {
        return;
    }
    buffer_string(b, ",\"default\":");
    if (o->type == OPTION_INTEGER) {
        buffer_string(b, o->fallback);
    } else {
        quote(b, o->fallback);
    }
}

static void write_object(struct buffer *b, const struct option *options);

static void write_schema_of(struct buffer *b, const struct option *o)
{
    switch (o->type) {
    case OPTION_TEXT:
        /* A rate's decimal and the like may stand without quotes, and then it is a number to an editor. */
        buffer_string(b, o->form != NULL ? "{\"type\":[\"string\",\"number\"]" : "{\"type\":\"string\"");
        break;
    case OPTION_SECRET: buffer_string(b, "{\"type\":\"string\""); break;
    case OPTION_INTEGER:
        buffer_format(b, "{\"type\":\"integer\",\"minimum\":%lld,\"maximum\":%lld", (long long)o->least,
                      (long long)o->most);
        break;
    case OPTION_DURATION: buffer_string(b, "{\"type\":\"string\",\"pattern\":\"^[0-9]+(ms|s|m|h|d)$\""); break;
    case OPTION_SIZE: buffer_string(b, "{\"type\":\"string\",\"pattern\":\"^[0-9]+(B|KiB|MiB|GiB)$\""); break;
    case OPTION_CHOICE:
        buffer_string(b, "{\"enum\":[");
        for (size_t i = 0; o->words[i] != NULL; i++) {
            buffer_string(b, i > 0 ? "," : "");
            quote(b, o->words[i]);
        }
        buffer_char(b, ']');
        break;
    case OPTION_GROUP:
        buffer_string(b, "{\"type\":[\"object\",\"null\"],");
        write_object(b, o->options);
        break;
    case OPTION_LIST:
        buffer_string(b, "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"object\",");
        write_object(b, o->options);
        buffer_char(b, '}');
        break;
    case OPTION_CUSTOM: /* beside "$ref" draft-07 sees nothing else, so it goes into an allOf */
        buffer_format(b, o->may_be_empty ? "{\"anyOf\":[%s,{\"type\":\"null\"}]" : "{\"allOf\":[%s]", o->schema);
        break;
    }
    buffer_string(b, ",\"description\":");
    quote(b, o->help);
    write_default_value(b, o);
    buffer_char(b, '}');
}

static void write_object(struct buffer *b, const struct option *options)
{
    struct buffer required;
    buffer_init(&required);
    buffer_string(b, "\"additionalProperties\":false,\"properties\":{");
    bool first = true;
    for (const struct option *o = options; o->name != NULL; o++) {
        if (o->type != OPTION_SECRET || o->inline_too) {
            buffer_string(b, first ? "" : ",");
            quote(b, o->name);
            buffer_char(b, ':');
            write_schema_of(b, o);
            first = false;
        }
        for (unsigned i = 0; o->type == OPTION_SECRET && i < SECRET_SUFFIX_COUNT; i++) {
            buffer_format(b, "%s\"%s%s\":", first ? "" : ",", o->name, secret_suffixes[i]);
            write_schema_of(b, o);
            first = false;
        }
        if (o->required && o->type != OPTION_SECRET) {
            buffer_string(&required, required.len > 0 ? "," : "");
            quote(&required, o->name);
        }
    }
    buffer_char(b, '}');
    if (required.len > 0) {
        buffer_format(b, ",\"required\":[%s]", required.at);
    }
    buffer_fini(&required);
}

static void write_definitions(struct buffer *b)
{
    buffer_string(b, "\"kpi\":{\"enum\":[");
    for (unsigned k = 0; k < KPI_COUNT; k++) {
        buffer_format(b, "%s\"%s\"", k > 0 ? "," : "", kpi_info((enum kpi)k)->name);
    }
    buffer_string(b, "]},\"dimension\":{\"enum\":[");
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        buffer_format(b, "%s\"%s\"", d > 0 ? "," : "", dimension_name((enum dimension)d));
    }
    buffer_string(
        b, "]},\"window\":{\"anyOf\":[{\"enum\":[\"today\",\"week\",\"month\",\"quarter\",\"year\",\"yesterday\","
           "\"last_week\",\"last_month\",\"last_quarter\",\"last_year\",\"all\",\"now\"]},"
           "{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]*[mhd]$\"}]},"
           "\"window_list\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/window\"}},"
           "\"windows\":{\"anyOf\":[{\"$ref\":\"#/$defs/window_list\"},{\"type\":\"object\",\"additionalProperties\":"
           "false,\"properties\":{\"default\":{\"$ref\":\"#/$defs/window_list\"}");
    for (unsigned d = 0; d < DIMENSION_COUNT; d++) {
        buffer_format(b, ",\"%s\":{\"$ref\":\"#/$defs/window_list\"}", dimension_name((enum dimension)d));
    }
    buffer_string(
        b,
        "}}]},\"currency\":{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}$\"},"
        "\"month\":{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,\"maximum\":12},{\"enum\":[\"january\",\"february\","
        "\"march\",\"april\",\"may\",\"june\",\"july\",\"august\",\"september\",\"october\",\"november\",\"december\"]}"
        "]},"
        "\"scalar\":{\"type\":[\"string\",\"number\",\"boolean\"]},"
        "\"source\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\"},{\"type\":\"object\","
        "\"additionalProperties\":false,"
        "\"properties\":{\"member\":{\"type\":\"string\"},\"pointer\":{\"type\":\"string\",\"pattern\":\"^/\"},"
        "\"constant\":{\"$ref\":\"#/$defs/scalar\"},\"header\":{\"type\":\"string\"},\"message_key\":{\"const\":true},"
        "\"values\":{\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"number\",\"boolean\","
        "\"null\"]}}}}]},"
        "\"fields\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/source\"}},"
        "\"filter\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"member\"],\"properties\":{"
        "\"member\":{\"type\":\"string\"},\"in\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/scalar\"}},"
        "\"not_in\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/scalar\"}}}},"
        "\"headers\":{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"$ref\":\"#/$defs/scalar\"},"
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"file\":{\"type\":\"string\"},"
        "\"env\":{\"type\":\"string\"},\"credential\":{\"type\":\"string\"}}}]}}");
}

void reference_schema(struct buffer *b)
{
    struct buffer compact;
    buffer_init(&compact);
    buffer_string(&compact, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"kpid configuration\","
                            "\"type\":[\"object\",\"null\"],");
    write_object(&compact, option_table);
    buffer_string(&compact, ",\"$defs\":{");
    write_definitions(&compact);
    buffer_string(&compact, "}}");

    /* Set out in lines, so that a change of an option is a change of a line. */
    json_error_t error;
    json_t *json = json_loadb(compact.at, compact.len, JSON_REJECT_DUPLICATES, &error);
    REQUIRE(json != NULL);
    char *text = json_dumps(json, JSON_INDENT(2));
    REQUIRE(text != NULL);
    buffer_string(b, text);
    buffer_char(b, '\n');
    free(text);
    json_decref(json);
    buffer_fini(&compact);
}
