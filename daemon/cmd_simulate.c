/* kpid simulate: a made-up sales floor (floor.h) into files or Kafka, at a rate, with the truth beside it. */
#include "base/clock.h"
#include "base/instant.h"
#include "daemon/command.h"
#include "daemon/floor.h"
#include "daemon/floor_files.h"
#include "daemon/floor_kafka.h"
#include "daemon/floor_options.h"
#include "daemon/floor_truth.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

static void ask_stop(int signal_number)
{
    (void)signal_number;
    stop_asked = 1;
}

/* What has been handed over, for the summary. */
struct tally {
    uint64_t messages[FACT_KINDS], repeats, late, tombstones, deletions, garbage;
    uint64_t reasons[ERROR_COUNT];
};

struct run {
    const struct floor_request *request;
    struct floor *floor;
    struct floor_files *files;
    struct floor_kafka *kafka;
    struct floor_mock *mock;
    struct floor_truth *truth;
    int64_t begun_us, end_us; /* of the monotonic clock; INT64_MAX = no end */
    struct tally tally;
};

static bool over(const struct run *r)
{
    return stop_asked || clock_monotonic_us() >= r->end_us;
}

/* A little sleep, in which delivery reports are taken. A signal ends it. */
static void rest(struct run *r, int64_t us)
{
    int ms = us < 1 ? 0 : us > 200 * MILLISECOND ? 200 : (int)((us + MILLISECOND - 1) / MILLISECOND);
    if (r->kafka != NULL) {
        floor_kafka_wait(r->kafka, ms);
    } else {
        poll(NULL, 0, ms);
    }
}

/* Waits until the message is due. False: it is time to stop. */
static bool wait_until_due(struct run *r, const struct floor_message *m, uint64_t number)
{
    const struct floor_request *q = r->request;
    while (!over(r)) {
        int64_t wait = 0;
        if (q->from_now) {
            wait = m->arrival_us - clock_now_us();
        } else if (q->rate > 0) {
            wait = r->begun_us + (int64_t)number * SECOND / q->rate - clock_monotonic_us();
        }
        if (wait <= 0) {
            return true;
        }
        rest(r, wait);
    }
    return false;
}

static bool deliver(struct run *r, const struct floor_message *m)
{
    if (r->files != NULL) {
        floor_files_write(r->files, m);
    }
    while (r->kafka != NULL && !floor_kafka_send(r->kafka, m)) {
        rest(r, 50 * MILLISECOND);
        if (over(r)) {
            return false;
        }
    }
    return true;
}

static void count(struct tally *t, const struct floor_message *m)
{
    t->messages[m->kind]++;
    t->repeats += m->repeat;
    t->garbage += m->event == NULL;
    t->reasons[m->reason]++;
    if (m->event != NULL && !m->repeat) {
        t->late += m->event->late;
        t->tombstones += m->event->tombstone;
        t->deletions += m->event->deleted && !m->event->tombstone;
    }
}

static void generate(struct run *r)
{
    struct floor_message m;
    for (uint64_t number = 0; floor_next(r->floor, &m); number++) {
        if (!wait_until_due(r, &m, number) || !deliver(r, &m)) {
            return;
        }
        count(&r->tally, &m);
        if (r->truth != NULL && m.event != NULL) {
            floor_truth_apply(r->truth, m.event);
        }
    }
}

static void tell_summary(const struct run *r)
{
    const struct tally *t = &r->tally;
    uint64_t all = 0;
    fprintf(stderr, "kpid simulate: records:");
    for (int k = 0; k < FACT_KINDS; k++) {
        fprintf(stderr, " %s %u", record_kind_info((enum record_kind)k)->topic,
                floor_record_count(r->floor, (enum record_kind)k));
    }
    fprintf(stderr, "\nkpid simulate: messages:");
    for (int k = 0; k < FACT_KINDS; k++) {
        all += t->messages[k];
        fprintf(stderr, " %s %llu", record_kind_info((enum record_kind)k)->topic, (unsigned long long)t->messages[k]);
    }
    fprintf(stderr,
            ", together %llu; of these repeats %llu, late %llu, deletions %llu, tombstones %llu, garbage %llu\n",
            (unsigned long long)all, (unsigned long long)t->repeats, (unsigned long long)t->late,
            (unsigned long long)t->deletions, (unsigned long long)t->tombstones, (unsigned long long)t->garbage);
    if (t->garbage > 0) {
        fprintf(stderr, "kpid simulate: dead letters to expect:");
        for (int e = OK + 1; e < ERROR_COUNT; e++) {
            if (t->reasons[e] > 0) {
                fprintf(stderr, " %s %llu", error_name((enum error)e), (unsigned long long)t->reasons[e]);
            }
        }
        fputc('\n', stderr);
    }
}

/* Whole or not at all: whoever waits for the file never reads half an address. */
static bool write_at_once(const char *path, const char *line)
{
    struct buffer part;
    buffer_init(&part);
    buffer_format(&part, "%s.part", path);
    FILE *f = fopen(part.at, "w");
    bool fine = f != NULL && fprintf(f, "%s\n", line) > 0;
    if (f != NULL && fclose(f) != 0) {
        fine = false;
    }
    fine = fine && rename(part.at, path) == 0;
    if (!fine) {
        fprintf(stderr, "kpid simulate: cannot write %s: %s\n", path, strerror(errno));
    }
    buffer_fini(&part);
    return fine;
}

static void write_truth_line(void *stream, struct text json)
{
    fwrite(json.at, 1, json.len, stream);
    fputc('\n', stream);
}

static bool write_truth(const struct run *r)
{
    FILE *f = fopen(r->request->truth, "w");
    if (f != NULL) {
        floor_truth_each(r->truth, write_truth_line, f);
    }
    bool fine = f != NULL && !ferror(f);
    if (f != NULL && fclose(f) != 0) {
        fine = false;
    }
    if (!fine) {
        fprintf(stderr, "kpid simulate: cannot write %s: %s\n", r->request->truth, strerror(errno));
    }
    return fine;
}

static int open_kafka(struct run *r)
{
    const struct floor_request *q = r->request;
    struct buffer problem;
    buffer_init(&problem);
    int status = EX_OK;
    if (q->host_mock) {
        r->mock = floor_mock_open(q->topic_prefix, (int)q->partitions, &problem);
        if (r->mock == NULL) {
            status = EX_UNAVAILABLE;
        } else {
            printf("%s\n", floor_mock_brokers(r->mock));
            fflush(stdout);
            if (q->brokers_file != NULL && !write_at_once(q->brokers_file, floor_mock_brokers(r->mock))) {
                status = 1;
            }
        }
    }
    bool sends = q->brokers != NULL || q->floor.records > 0 || q->from_now;
    if (status == EX_OK && sends && (q->brokers != NULL || r->mock != NULL)) {
        bool usage;
        r->kafka = floor_kafka_open(
            &(struct floor_kafka_options){.brokers = q->brokers != NULL ? q->brokers : floor_mock_brokers(r->mock),
                                          .topic_prefix = q->topic_prefix,
                                          .properties = q->properties,
                                          .property_count = q->property_count,
                                          .hurry = q->rate == 0},
            &problem, &usage);
        if (r->kafka == NULL) {
            status = usage ? EX_USAGE : EX_UNAVAILABLE;
        }
    }
    if (problem.len > 0) {
        fprintf(stderr, "kpid simulate: %s\n", problem.at);
    }
    buffer_fini(&problem);
    return status;
}

static int open_all(struct run *r)
{
    const struct floor_request *q = r->request;
    r->floor = floor_create(&q->floor);
    if (r->floor == NULL) {
        fprintf(stderr, "kpid simulate: --zone: no time zone '%s' on this machine\n", q->floor.zone);
        return EX_USAGE;
    }
    if (q->truth != NULL) {
        r->truth = floor_truth_create(floor_world(r->floor));
    }
    if (q->out != NULL) {
        char *path = NULL;
        r->files = floor_files_open(q->out, &path);
        if (r->files == NULL) {
            fprintf(stderr, "kpid simulate: cannot write %s: %s\n", path, strerror(errno));
            free(path);
            return 1;
        }
    }
    return open_kafka(r);
}

/* Files are complete, messages delivered, or it is said what is missing. */
static int close_all(struct run *r)
{
    int status = EX_OK;
    if (!floor_files_close(r->files)) {
        fprintf(stderr, "kpid simulate: cannot write to %s: %s\n", r->request->out, strerror(errno));
        status = 1;
    }
    r->files = NULL;
    struct buffer problem;
    buffer_init(&problem);
    uint64_t failed = floor_kafka_close(r->kafka, 35000, &problem);
    r->kafka = NULL;
    if (failed > 0) {
        fprintf(stderr, "kpid simulate: %llu messages were not delivered; the first: %s\n", (unsigned long long)failed,
                problem.len > 0 ? problem.at : "no answer");
        status = EX_UNAVAILABLE;
    }
    buffer_fini(&problem);
    return status;
}

static int simulate(struct run *r)
{
    int status = open_all(r);
    if (status == EX_OK) {
        r->begun_us = clock_monotonic_us();
        r->end_us = r->request->duration_s > 0 ? r->begun_us + r->request->duration_s * SECOND : INT64_MAX;
        generate(r);
    }
    int closed = close_all(r);
    if (status == EX_OK) {
        status = closed;
        tell_summary(r);
        if (r->truth != NULL && !write_truth(r)) {
            status = 1;
        }
        while (r->mock != NULL && status == EX_OK && !over(r)) {
            rest(r, 200 * MILLISECOND);
        }
    }
    return status;
}

int cmd_simulate(int argc, char **argv)
{
    struct floor_request request;
    enum floor_request_answer answer = floor_request_read(&request, argc, argv, clock_now_us());
    int status = answer == REQUEST_HELP ? EX_OK : EX_USAGE;
    if (answer == REQUEST_FINE) {
        struct sigaction on_stop = {.sa_handler = ask_stop}, old_int, old_term;
        sigemptyset(&on_stop.sa_mask);
        stop_asked = 0;
        sigaction(SIGINT, &on_stop, &old_int);
        sigaction(SIGTERM, &on_stop, &old_term);
        struct run r = {.request = &request, .end_us = INT64_MAX};
        status = simulate(&r);
        floor_mock_close(r.mock);
        floor_truth_destroy(r.truth);
        floor_destroy(r.floor);
        sigaction(SIGINT, &old_int, NULL);
        sigaction(SIGTERM, &old_term, NULL);
    }
    floor_request_fini(&request);
    return status;
}
