#include "alerts/retry.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(retry, what_a_status_means)
{
    const struct {
        long status;
        enum verdict verdict;
    } rows[] = {
        {200, VERDICT_DELIVERED}, {202, VERDICT_DELIVERED}, {204, VERDICT_DELIVERED}, {299, VERDICT_DELIVERED},
        {301, VERDICT_GIVE_UP},   {302, VERDICT_GIVE_UP},   {308, VERDICT_GIVE_UP},   {400, VERDICT_GIVE_UP},
        {401, VERDICT_GIVE_UP},   {403, VERDICT_GIVE_UP},   {404, VERDICT_GIVE_UP},   {410, VERDICT_GIVE_UP},
        {413, VERDICT_GIVE_UP},   {408, VERDICT_RETRY},     {425, VERDICT_RETRY},     {429, VERDICT_RETRY_ALL},
        {500, VERDICT_RETRY},     {501, VERDICT_GIVE_UP},   {502, VERDICT_RETRY_ALL}, {503, VERDICT_RETRY_ALL},
        {504, VERDICT_RETRY_ALL}, {505, VERDICT_GIVE_UP},   {507, VERDICT_RETRY},     {599, VERDICT_RETRY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect(eq(int, (int)retry_verdict(rows[i].status), (int)rows[i].verdict), "status %ld", rows[i].status);
    }
}
