#include "base/counter.h"
#include "base/error.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>

#define THREADS 4
#define ROUNDS  20000

static struct counter shared;

static void *add(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        counter_add(&shared, 1);
    return NULL;
}

Test(counter, threads_add_up)
{
    pthread_t threads[THREADS];
    counter_set(&shared, 0);
    for (int i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, add, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    cr_expect(eq(i64, counter_get(&shared), THREADS * ROUNDS));
}

static struct counter_board board;
static struct flag done;

static void *show(void *unused)
{
    (void)unused;
    int64_t row[COUNTER_BOARD_MAX];
    for (int64_t i = 1; i <= ROUNDS; i++) {
        for (int k = 0; k < COUNTER_BOARD_MAX; k++)
            row[k] = i;
        counter_board_show(&board, row, COUNTER_BOARD_MAX);
    }
    flag_set(&done);
    return NULL;
}

/* read = applied + ... holds in every scrape only if a reader never gets two showings in one. */
Test(counter, a_board_is_never_read_as_a_mixture)
{
    pthread_t writer;
    REQUIRE(pthread_create(&writer, NULL, show, NULL) == 0);
    int64_t row[COUNTER_BOARD_MAX], before = 0;
    bool last;
    do {
        last = flag_get(&done);
        counter_board_read(&board, row, COUNTER_BOARD_MAX);
        for (int k = 1; k < COUNTER_BOARD_MAX; k++)
            cr_assert(eq(i64, row[k], row[0]));
        cr_assert(row[0] >= before);
        before = row[0];
    } while (!last);
    pthread_join(writer, NULL);
    cr_expect(eq(i64, before, ROUNDS));
}

Test(counter, a_flag_stays_set)
{
    struct flag f = {0};
    cr_expect(not(flag_get(&f)));
    flag_set(&f);
    flag_set(&f);
    cr_expect(flag_get(&f));
}
