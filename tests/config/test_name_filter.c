/* Filters over names: what passes, and what is wrong. */
#include "config/name_filter.h"
#include <criterion/criterion.h>

static bool passes(const char *filter, const char *manager, const char *product, const char *source)
{
    struct name_filter f;
    char why[240];
    cr_assert(name_filter_parse(text_of(filter), &f, why, sizeof why), "%s: %s", filter, why);
    struct text names[DIMENSION_COUNT];
    for (unsigned d = 0; d < DIMENSION_COUNT; d++)
        names[d] = TEXT("");
    names[DIMENSION_MANAGER] = text_of(manager);
    names[DIMENSION_PRODUCT] = text_of(product);
    names[DIMENSION_SOURCE] = text_of(source);
    bool passed = name_filter_passes(&f, names);
    name_filter_fini(&f);
    return passed;
}

Test(name_filter, comparisons)
{
    cr_expect(passes("product = \"GTX Pro\"", "", "GTX Pro", ""));
    cr_expect_not(passes("product = \"GTX Pro\"", "", "gtx pro", ""));
    cr_expect_not(passes("product = \"GTX Pro\"", "", "", ""), "a missing name equals nothing");
    cr_expect(passes("product != \"GTX Pro\"", "", "", ""));
    cr_expect(passes("source in (\"web\", \"fair\")", "", "", "fair"));
    cr_expect_not(passes("source not in (\"web\",\"fair\")", "", "", "web"));
    cr_expect(passes("source not in (\"web\",\"fair\")", "", "", ""));
    cr_expect(passes("manager = \"A \\\"B\\\" \\\\\"", "A \"B\" \\", "", ""));
}

Test(name_filter, not_binds_before_and_before_or)
{
    const char *f = "not product = \"P\" and source = \"web\" or manager = \"M\"";
    cr_expect(passes(f, "M", "P", ""));
    cr_expect(passes(f, "", "Q", "web"));
    cr_expect_not(passes(f, "", "P", "web"));
    cr_expect_not(passes("not (product = \"P\" or source = \"web\")", "", "Q", "web"));
    cr_expect_not(passes("product = \"P\" and (source = \"web\" or manager = \"M\")", "M", "Q", "web"));
}

static void refused(const char *filter, const char *why)
{
    struct name_filter f;
    char told[240] = "";
    cr_expect_not(name_filter_parse(text_of(filter), &f, told, sizeof told), "%s", filter);
    cr_expect_str_eq(told, why, "%s: %s", filter, told);
    name_filter_fini(&f);
}

Test(name_filter, what_is_wrong_is_told_with_its_column)
{
    refused("team = \"T\"",
            "column 1: 'team' is what a KPI is shown for, not what it is filtered by; there are manager, "
            "product, region, source, loss_reason and competitor");
    refused("prodict = \"T\"",
            "column 1: 'prodict' is no name to filter by; there are manager, product, region, source, "
            "loss_reason and competitor");
    refused("product \"T\"", "column 9: '=', '!=', 'in (' or 'not in (' is expected");
    refused("product = T", "column 11: a name between double quotes is expected");
    refused("product = \"T", "column 10: the name does not end; write '\"' behind it");
    refused("product = \"\\n\"", "column 12: after '\\' only '\"' or '\\' may stand");
    refused("(product = \"T\"", "column 15: ')' is missing");
    refused("product = \"T\" product = \"U\"", "column 15: 'and', 'or' or the end is expected");
    refused("", "column 1: '' is no name to filter by; there are manager, product, region, source, loss_reason and "
                "competitor");
}
