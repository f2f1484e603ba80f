/* sanitizer_main.c - runs Criterion's tests in plain forked processes, for builds with a sanitizer.
 *
 * Criterion's own runner does not go with them: its arena lies where the thread sanitizer allows no mapping, and
 * it takes a test for passed before the leak check of the process has spoken. So these builds link this main,
 * which finds the tests where Criterion's macros put them and takes the place of the functions by which a test
 * reports. One child a test, one after the other; a test passes if its child ends with the status (or the signal)
 * that the test asks for, and no expectation failed. Theories are not run.
 *
 * Arguments: --filter SUITE/TEST, as of fnmatch.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS_FAILED  91 /* an expectation failed; no test asks for this one */
#define STATUS_SKIPPED 92

extern struct criterion_test *__start_cr_tst[] __attribute__((weak));
extern struct criterion_test *__stop_cr_tst[] __attribute__((weak));
extern struct criterion_suite *__start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *__stop_cr_sts[] __attribute__((weak));

/* Of the child. */
static const struct criterion_test *running;
static const struct criterion_suite *running_suite;
static void *running_param;
static volatile int failures;

static void say(const char *file, size_t line, const char *message)
{
    fprintf(stderr, "%s:%zu: failed: %s/%s: %s\n", file, line, running->category, running->name,
            message ? message : "");
}

/* What Criterion's assertion macros call. */

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed) {
        say(stats->file, stats->line, "assertion");
        failures++;
    }
}

static void say_node(const struct cri_assert_node *node, int depth)
{
    if (node->message) {
        fprintf(stderr, "%*s%s\n", depth * 2, "", node->message);
    }
    if (node->repr && !node->pass) {
        fprintf(stderr, "%*s%s\n", depth * 2, "", node->repr);
    }
    for (size_t i = 0; i < CRI_ASSERT_MAX_PARAMS && node->params[i].name; i++) {
        if (node->params[i].type == CRI_ASSERT_RT_STR) {
            fprintf(stderr, "%*s%s: %s\n", depth * 2 + 2, "", node->params[i].name, (const char *)node->params[i].data);
        }
    }
    for (size_t i = 0; i < node->nchild; i++) {
        say_node(&node->children[i], depth + 1);
    }
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    say(file, line, "expected");
    say_node(tree, 1);
    failures++;
}

void cri_asserts_passed_incr(void)
{
}

void criterion_continue_test(void)
{
}

void criterion_abort_test(void)
{
    exit(STATUS_FAILED);
}

void criterion_skip_test(const char *format, ...)
{
    (void)format;
    exit(STATUS_SKIPPED);
}

void criterion_test_die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    exit(STATUS_FAILED);
}

/* What the function that Criterion's Test macro makes around a test calls. */

void criterion_internal_test_setup(void)
{
    if (running_suite && running_suite->data->init) {
        running_suite->data->init();
    }
    if (running->data->init) {
        running->data->init();
    }
}

void criterion_internal_test_main(void (*test)(void))
{
    if (running->data->kind_ == CR_TEST_PARAMETERIZED) {
        ((void (*)(void *))(void *)test)(running_param);
    } else {
        test();
    }
}

void criterion_internal_test_teardown(void)
{
    if (running->data->fini) {
        running->data->fini();
    }
    if (running_suite && running_suite->data->fini) {
        running_suite->data->fini();
    }
}

/* The parent. */

struct counts {
    unsigned passed, failed, skipped;
};

static const struct criterion_suite *suite_find(const char *name)
{
    for (struct criterion_suite **s = __start_cr_sts; s < __stop_cr_sts; s++) {
        if (*s && strcmp((*s)->name, name) == 0) {
            return *s;
        }
    }
    return NULL;
}

static void run_one(struct counts *counts)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        running->test();
        exit(failures ? STATUS_FAILED : 0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        exit(1);
    }
    const struct criterion_test_extra_data *data = running->data;
    int want_signal = data->signal ? data->signal : running_suite ? running_suite->data->signal : 0;
    int want_exit = data->exit_code ? data->exit_code : running_suite ? running_suite->data->exit_code : 0;
    bool ok = want_signal ? WIFSIGNALED(status) && WTERMSIG(status) == want_signal
                          : WIFEXITED(status) && WEXITSTATUS(status) == want_exit;
    if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_SKIPPED) {
        counts->skipped++;
    } else if (ok) {
        counts->passed++;
    } else {
        counts->failed++;
        fprintf(stderr, "%s/%s: failed: %s %d\n", running->category, running->name,
                WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static void run_test(const struct criterion_test *test, struct counts *counts)
{
    running = test;
    running_suite = suite_find(test->category);
    running_param = NULL;
    if (test->data->disabled || (running_suite && running_suite->data->disabled)) {
        counts->skipped++;
        return;
    }
    if (test->data->kind_ != CR_TEST_PARAMETERIZED) {
        run_one(counts);
        return;
    }
    struct criterion_test_params params = test->data->param_();
    for (size_t i = 0; i < params.length; i++) {
        running_param = (char *)params.params + i * params.size;
        run_one(counts);
    }
    if (params.cleanup) {
        params.cleanup(&params);
    }
}

int main(int argc, char **argv)
{
    const char *filter = argc == 3 && strcmp(argv[1], "--filter") == 0 ? argv[2] : "*";
    struct counts counts = {0};
    for (struct criterion_test **t = __start_cr_tst; t < __stop_cr_tst; t++) {
        char name[512];
        if (!*t) {
            continue;
        }
        snprintf(name, sizeof name, "%s/%s", (*t)->category, (*t)->name);
        if (fnmatch(filter, name, 0) == 0) {
            run_test(*t, &counts);
        }
    }
    fprintf(stderr, "passed %u, failed %u, skipped %u\n", counts.passed, counts.failed, counts.skipped);
    /* No test at all is a fault of this runner, not a pass. */
    return counts.failed || counts.passed + counts.skipped == 0 ? 1 : 0;
}
