/* letter_topic.h - the dead-letter topic from a person's side: reading it, and sending letters again.
 *
 * A letter that was sent again is not taken out of the topic; a note with its address (header kpid-resent) is put
 * behind it, and whoever reads leaves out what has one. Letters with one address are one letter: a daemon that was
 * started anew writes those that it had written before.
 *
 * Thread: one. Memory: letters live for the call that shows them. Errors: as each function says; never the daemon's
 * data path.
 */
#pragma once
#include "base/text.h"
#include "config/config.h"
#include "consumers/letter_text.h"

enum letter_result {
    LETTERS_OK,
    LETTERS_UNREACHABLE, /* no broker, or it stopped answering */
    LETTERS_NO_TOPIC,    /* there has never been a dead letter */
    LETTERS_BAD_SETTING, /* `problem` says which property is wrong */
};

/* False: no more of them. */
typedef bool letter_visitor(void *context, const struct letter *l);

/* Shows the letters that stand in the topic now, each once, partition by partition in their order; with `all` those
 * too that were sent again. */
enum letter_result letters_read(const struct kafka_config *kafka, bool all, letter_visitor *visit, void *context,
                                struct buffer *problem);

/* Sends letters again and notes it. */
struct letter_sender;

/* NULL: LETTERS_BAD_SETTING. */
struct letter_sender *letter_sender_create(const struct kafka_config *kafka, struct buffer *problem);
/* Copies and sends: to its topic and partition, with its key, value, headers and time stamp. */
void letter_sender_send(struct letter_sender *s, const struct letter *l);
/* Waits until all is delivered and noted, at most timeout_ms. Gives how many letters were delivered, and how many
 * were refused or not answered; problem tells the last reason. */
void letter_sender_finish(struct letter_sender *s, int timeout_ms, int64_t *out_delivered, int64_t *out_failed,
                          struct buffer *problem);
void letter_sender_destroy(struct letter_sender *s);
