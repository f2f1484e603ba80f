/* floor_options.h - what `kpid simulate` was asked for, from its command line.
 *
 * Thread: main's, while it is the only one (calendar.h). Memory: floor_request_fini; texts are borrowed from argv.
 */
#pragma once
#include "daemon/floor.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct floor_request {
    struct floor_options floor;
    bool from_now;
    int64_t rate;                                                    /* events a second; 0 = as fast as possible */
    int64_t duration_s;                                              /* 0 = no end */
    const char *out, *brokers, *brokers_file, *truth, *topic_prefix; /* NULL = none; the prefix never */
    bool host_mock;
    int64_t partitions; /* of the mock's topics */
    const char **properties;
    size_t property_count;
};

/* What floor_request_read found. */
enum floor_request_answer { REQUEST_FINE, REQUEST_HELP, REQUEST_WRONG };

/* now_us: for --from-now. Problems and help are told; *out is to be freed in any case. */
enum floor_request_answer floor_request_read(struct floor_request *out, int argc, char **argv, int64_t now_us);
void floor_request_fini(struct floor_request *r);
