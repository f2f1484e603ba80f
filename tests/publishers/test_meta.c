/* What a publish says of itself. */
#include "publishers/meta.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(meta, offsets_are_written_sorted_and_compared)
{
    struct config *config = config_default();
    struct snapshot_position p[] = {
        {TEXT("leads"), 0, 5, true, 0}, {TEXT("deals"), 1, 7, true, 0}, {TEXT("deals"), 0, -1, false, 0}};
    struct buffer b;
    buffer_init(&b);
    offsets_format(&b, p, 3);
    cr_expect(eq(str, b.at, "{\"deals\":{\"1\":7},\"leads\":{\"0\":5}}"));

    cr_expect(offsets_reach(config, buffer_view(&b), p, 3));
    cr_expect(offsets_reach(config, TEXT(""), p, 3), "nothing stands");
    cr_expect(offsets_reach(config, TEXT("[1"), p, 3), "nothing that can be read");
    cr_expect(offsets_reach(config, TEXT("{\"other\":{\"0\":99}}"), p, 3), "no input of ours");
    cr_expect(not(offsets_reach(config, TEXT("{\"deals\":{\"1\":8}}"), p, 3)));
    cr_expect(not(offsets_reach(config, TEXT("{\"deals\":{\"2\":1}}"), p, 3)), "a partition that was not found yet");
    cr_expect(not(offsets_reach(config, TEXT("{\"deals\":{\"0\":1}}"), NULL, 0)));
    buffer_fini(&b);
    config_destroy(config);
}

/* After a gap that was accepted the topic is another one: what stands of the one before is not waited for. */
Test(meta, offsets_of_an_earlier_log_are_not_waited_for)
{
    struct config *config = config_default();
    struct snapshot_position p[] = {{TEXT("deals"), 0, 3, true, 100}, {TEXT("deals"), 1, -1, true, 50}};
    cr_expect(offsets_reach(config, TEXT("{\"deals\":{\"0\":100,\"1\":50}}"), p, 2));
    cr_expect(not(offsets_reach(config, TEXT("{\"deals\":{\"0\":101}}"), p, 2)));
    cr_expect(not(offsets_reach(config, TEXT("{\"deals\":{\"1\":51}}"), p, 2)));
    config_destroy(config);
}
