#include "alerts/retry.h"

enum verdict retry_verdict(long status)
{
    if (status >= 200 && status < 300) {
        return VERDICT_DELIVERED;
    }
    switch (status) {
    case 408: /* Request Timeout */
    case 425: /* Too Early */ return VERDICT_RETRY;
    case 429: /* Too Many Requests */
    case 502: /* Bad Gateway */
    case 503: /* Service Unavailable */
    case 504: /* Gateway Timeout */ return VERDICT_RETRY_ALL;
    case 501: /* Not Implemented */
    case 505: /* HTTP Version Not Supported */ return VERDICT_GIVE_UP;
    default: return status >= 500 ? VERDICT_RETRY : VERDICT_GIVE_UP;
    }
}
