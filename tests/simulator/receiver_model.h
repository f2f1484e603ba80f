/* receiver_model.h - who is told alerts: takes them, refuses them, is away, or takes them and its answer is lost.
 *
 * In the place of libcurl and alerts/attempt.c. What has arrived is kept by key, as a receiver that drops repeats has it.
 * Thread: one. Memory: receiver_init to receiver_fini.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECEIVERS_MAX 2
#define NOTICES_MAX   256

enum receiver_mood {
    RECEIVER_FINE,
    RECEIVER_AWAY,
    RECEIVER_FAILING,
    RECEIVER_BUSY,
    RECEIVER_MUTE,
    RECEIVER_MOOD_COUNT
};

struct receiver_model {
    enum receiver_mood mood;
    char *keys[NOTICES_MAX]; /* in the order in which each arrived first */
    unsigned count;
    int64_t repeats;
};

void receiver_init(struct receiver_model *r);
void receiver_fini(struct receiver_model *r);

/* A key as alerts/alert.h makes it: "<fingerprint>-<occurrence>-<firing|resolved>-<start>". */
struct notice {
    char fingerprint[17];
    unsigned occurrence;
    bool firing;
    int64_t start_ms;
};
bool notice_parse(const char *key, struct notice *out);
