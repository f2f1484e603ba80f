#include "base/error.h"
#include "config/yaml.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct report report;

static struct node *parse(struct text yaml)
{
    report_init(&report, "f");
    return yaml_parse(yaml, &report);
}

static void expect_problem(struct text yaml, unsigned line, unsigned column, const char *beginning)
{
    struct node *n = parse(yaml);
    cr_assert_geq(report.count, 1, "%.*s", (int)yaml.len, yaml.at);
    cr_expect_eq(report.problems[0].mark.line, line, "line %u: %s", report.problems[0].mark.line,
                 report.problems[0].text);
    cr_expect_eq(report.problems[0].mark.column, column, "column %u: %s", report.problems[0].mark.column,
                 report.problems[0].text);
    cr_expect(strncmp(report.problems[0].text, beginning, strlen(beginning)) == 0, "%s", report.problems[0].text);
    node_destroy(n);
    report_fini(&report);
}

Test(yaml, nodes_know_their_places)
{
    struct node *n = parse(TEXT("a: 1\nb:\n  - \"x\"\n  - {ключ: y}\n"));
    cr_assert_not_null(n);
    cr_expect_eq(report.count, 0);
    cr_expect_eq(n->kind, NODE_MAP);
    cr_assert_eq(n->count, 2);
    const struct node *b = node_find(n, "b");
    cr_assert_eq(b->kind, NODE_LIST);
    cr_expect(b->items[0]->quoted && !node_find(n, "a")->quoted);
    const struct node *y = node_find(b->items[1], "ключ");
    cr_assert_not_null(y);
    cr_expect_eq(y->mark.line, 4);
    cr_expect_eq(y->mark.column, 12, "columns count characters, not bytes");
    cr_expect_null(node_find(n, "c"));
    cr_expect_null(node_find(NULL, "c"));
    cr_expect_eq(node_mark(n, "c").line, 1, "the place of the map");
    node_destroy(n);
    report_fini(&report);
}

Test(yaml, nothing_is_an_empty_map)
{
    static const char *const texts[] = {"", "# only a comment\n", "\n\n", "---\n{}\n", "\xEF\xBB\xBF# with a mark\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct node *n = parse(text_of(texts[i]));
        cr_assert_not_null(n, "%zu", i);
        cr_expect_eq(n->count, 0);
        cr_expect_eq(report.count, 0);
        node_destroy(n);
        report_fini(&report);
    }
}

/* Found by the fuzzer: `values` twice in a source wrote the second table over the end of the first. */
Test(yaml, key_that_stands_twice_is_there_once)
{
    struct node *n = parse(TEXT("a: 1\nb: 2\na: 3\na: 4\n"));
    cr_assert_not_null(n);
    cr_expect_eq(report.count, 2);
    cr_assert_eq(n->count, 2);
    cr_expect(text_equal(node_find(n, "a")->text, TEXT("1")));
    cr_expect(text_equal(n->keys[1]->text, TEXT("b")));
    node_destroy(n);
    report_fini(&report);
}

Test(yaml, what_yaml_allows_and_a_configuration_does_not)
{
    expect_problem(TEXT("a: 1\nb: 2\na: 3\n"), 3, 1, "key 'a' stands already in line 1");
    expect_problem(TEXT("a: &x 1\n"), 1, 4, "anchors (&x)");
    expect_problem(TEXT("a: !!str 1\n"), 1, 4, "tags (tag:yaml.org,2002:str)");
    expect_problem(TEXT("a: 1\n---\nb: 2\n"), 2, 1, "a second document");
    expect_problem(TEXT("[a, b]: 1\n"), 1, 1, "a key must be a plain text");
    expect_problem(TEXT("a: \"x\\0y\"\n"), 1, 4, "a zero byte");
    expect_problem(TEXT("a:\n\tb: 1\n"), 2, 1, "a tab where YAML wants spaces");
    expect_problem(TEXT("a: 1\n b: 2\n"), 2, 3, "not YAML: mapping values are not allowed");
    expect_problem(TEXT("a: [1, 2\n"), 2, 1, "not YAML: did not find expected ',' or ']'");
    expect_problem(TEXT("x: 1\na: caf\xe9\n"), 2, 7, "not UTF-8");
    expect_problem(TEXT("x: \xD0\xB6\n\xff"), 2, 1, "not UTF-8");
    expect_problem(TEXT("a: b\x01\n"), 1, 5, "control characters are not allowed");
}

/* Nine lines of ten aliases each are a billion nodes to whoever follows them. */
Test(yaml, aliases_are_not_followed)
{
    struct node *n = parse(TEXT("a: &a [x, x]\nb: [*a, *a]\n"));
    cr_expect_eq(report.count, 3);
    cr_assert_not_null(n);
    cr_expect_eq(node_find(n, "b")->items[0]->kind, NODE_BROKEN);
    node_destroy(n);
    report_fini(&report);
}

Test(yaml, depth_and_size_are_bounded)
{
    static char deep[YAML_SIZE_MAX];
    memset(deep, '[', sizeof deep);
    expect_problem((struct text){deep, sizeof deep}, 1, NODE_DEPTH_MAX + 2, "nested deeper than 24 levels");
    char *large = must_zalloc(YAML_SIZE_MAX + 1);
    memset(large, '\n', YAML_SIZE_MAX + 1);
    expect_problem((struct text){large, YAML_SIZE_MAX + 1}, 0, 0, "larger than 1048576 bytes");
    free(large);
}

Test(yaml, null_is_only_what_is_not_in_quotes)
{
    struct node *n = parse(TEXT("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: nil\n"));
    cr_expect(node_is_null(node_find(n, "a")) && node_is_null(node_find(n, "b")) && node_is_null(node_find(n, "c")));
    cr_expect(!node_is_null(node_find(n, "d")) && !node_is_null(node_find(n, "e")) && !node_is_null(node_find(n, "f")));
    node_destroy(n);
    report_fini(&report);
}
