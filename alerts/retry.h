/* retry.h - what becomes of a delivery after an attempt. Thread: any; pure. */
#pragma once

enum verdict {
    VERDICT_DELIVERED,
    VERDICT_RETRY,     /* this delivery again, later; others may go on */
    VERDICT_RETRY_ALL, /* the receiver is away or asks for a pause: nothing to it for a while */
    VERDICT_GIVE_UP,   /* no repeat can help */
};

/* HTTP status of a complete answer. 2xx is delivered. Redirects are not followed: a receiver that has moved is
 * a matter of the configuration. Of 4xx, 408, 425 and 429 pass with time; all 5xx do but 501 and 505. */
enum verdict retry_verdict(long status);
