/* In which windows managers are judged against their peers. */
#include "base/error.h"
#include "config/load.h"

static void take_window(struct loader *l, const struct node *item, void *to)
{
    struct strengths_config *strengths = to;
    int w = config_window_find(l->config, item->text);
    if (w >= 0 && l->config->dimension_windows[DIMENSION_MANAGER][w] && l->config->windows[w].kind != WINDOW_NOW) {
        strengths->window[w] = true;
    } else if (l->is_default) { /* of the default ones, those that there are */
        return;
    } else if (w < 0) {
        report_unknown_window(l, item);
    } else if (l->config->windows[w].kind == WINDOW_NOW) {
        report_add(l->report, item->mark, "what stands 'now' says nothing of strengths; write a window of time");
    } else {
        report_add(l->report, item->mark, "managers have no window '%s'; add it to theirs in 'windows'",
                   show(item->text).at);
    }
}

void load_strength_windows(struct loader *l, const struct option *o, const struct node *value, void *group)
{
    load_texts(l, o->name, value, take_window, group);
}
