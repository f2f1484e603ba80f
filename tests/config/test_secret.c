#include "config/load.h"
#include "tests/config/config_text.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/kpid-test-secret-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(bytes, 1, size, f), size);
    cr_assert_eq(fclose(f), 0);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_expect_eq(system(command), 0);
}

TestSuite(secret, .init = make_folder, .fini = remove_folder);

static struct config *parse_in_folder(const char *yaml, struct config_problems *problems)
{
    char name[128];
    snprintf(name, sizeof name, "%s/kpid.yaml", folder);
    return config_parse(name, yaml, strlen(yaml), problems);
}

static void expect_problem(const char *yaml, const char *wanted)
{
    struct config_problems problems = {0};
    struct config *c = parse_in_folder(yaml, &problems);
    cr_expect_null(c);
    cr_assert_eq(problems.count, 1);
    cr_expect_not_null(strstr(problems.lines[0], wanted), "%s", problems.lines[0]);
    config_problems_fini(&problems);
}

/* Relative to the file's folder: the daemon's own is nobody's to know. The line end is the editor's. */
Test(secret, file_stands_beside_the_configuration)
{
    struct config_problems problems = {0};
    write_file("password", "hunter2 \n", 9);
    struct config *c = parse_in_folder("redis: {password_file: password}\n", &problems);
    cr_assert_not_null(c);
    cr_expect_str_eq(c->redis.password, "hunter2 ");
    config_destroy(c);
}

Test(secret, environment_and_credential)
{
    struct config_problems problems = {0};
    write_file("hook", "s3cret\r\n", 8);
    setenv("KPID_TEST_PASSWORD", "hunter2", 1);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    struct config *c =
        parse_in_folder("redis: {password_env: KPID_TEST_PASSWORD}\n"
                        "kafka: {sasl_password_credential: hook, properties: {sasl.username: kpid}}\n"
                        "alerts: {receivers: [{name: a, url_file: url, hmac_secret_credential: hook, headers: "
                        "{Authorization: {env: KPID_TEST_PASSWORD}}}]}\n",
                        &problems);
    cr_expect_null(c, "the file of the url is not there yet");
    config_problems_fini(&problems);
    write_file("url", "https://hooks.example.com/T0/secret\n", 36);
    c = parse_in_folder("redis: {password_env: KPID_TEST_PASSWORD}\n"
                        "kafka: {sasl_password_credential: hook, properties: {sasl.username: kpid}}\n"
                        "alerts: {receivers: [{name: a, url_file: url, hmac_secret_credential: hook, headers: "
                        "{Authorization: {env: KPID_TEST_PASSWORD}}}]}\n",
                        &problems);
    cr_assert_not_null(c, "%s", problems.count > 0 ? problems.lines[0] : "");
    cr_expect_str_eq(c->redis.password, "hunter2");
    cr_assert_eq(c->kafka.property_count, 2);
    cr_expect_str_eq(c->kafka.properties[1].name, "sasl.password");
    cr_expect_str_eq(c->kafka.properties[1].value, "s3cret");
    cr_expect_str_eq(c->alerts.receivers[0].url, "https://hooks.example.com/T0/secret");
    cr_expect_str_eq(c->alerts.receivers[0].hmac_secret, "s3cret");
    cr_expect_str_eq(c->alerts.receivers[0].headers[0].value, "hunter2");
    config_destroy(c);
    unsetenv("CREDENTIALS_DIRECTORY");
}

Test(secret, what_cannot_be_a_secret_is_told)
{
    write_file("empty", "\n", 1);
    write_file("zero", "a\0b", 3);
    static char large[20000];
    memset(large, 'x', sizeof large);
    write_file("large", large, sizeof large);
    expect_problem("redis: {password_file: empty}\n", "is empty");
    expect_problem("redis: {password_file: zero}\n", "has a zero byte");
    expect_problem("redis: {password_file: large}\n", "larger than a secret should be");
    expect_problem("redis: {password_file: missing}\n", "No such file");
    expect_problem("redis: {password_file: .}\n", "no regular file");
    expect_problem("redis: {password_file: empty, password_env: X}\n",
                   "'password_env' says again what 'password_file' says");
    expect_problem("redis: {password_credential: hook}\n", "CREDENTIALS_DIRECTORY");
    expect_problem("redis: {password_credential: ../hook}\n", "has no '/'");
    setenv("KPID_TEST_EMPTY", "", 1);
    expect_problem("redis: {password_env: KPID_TEST_EMPTY}\n", "is empty");
}

/* A fifo without a writer would hold the daemon for ever. */
Test(secret, fifo_does_not_block, .timeout = 30)
{
    char path[128];
    snprintf(path, sizeof path, "%s/fifo", folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_problem("redis: {password_file: fifo}\n", "no regular file");
}

/* People paste the secret where its place should be named: neither may be shown. */
Test(secret, nothing_of_it_is_ever_shown)
{
    static const char *const texts[] = {
        "redis: {password: hunter2}\n",
        "redis: {password_env: hunter2}\n",
        "redis: {password_file: hunter2}\n",
        "redis: {password_credential: hunter2}\n",
        "redis: {password_credential: /hunter2}\n",
        "redis: {password_file: [hunter2]}\n",
        "redis: {pasword: hunter2}\n",
        "kafka: {sasl_password: hunter2}\n",
        "kafka: {properties: {sasl.password: hunter2}}\n",
        "kafka: {properties: {ssl.key.pem: hunter2}}\n",
        "alerts: {receivers: [{name: a, url: hunter2}]}\n",
        "alerts: {receivers: [{name: a, url: 'https://x:hunter2@y/'}]}\n",
        "alerts: {receivers: [{name: a, url: 'http://x', hmac_secret: hunter2}]}\n",
        "alerts: {receivers: [{name: a, url: 'http://x', headers: {Authorization: hunter2}}]}\n",
        "alerts: {receivers: [{name: a, url: 'http://x', headers: {X: {file: hunter2}}}]}\n",
        "alerts: {receivers: [{name: a, url: 'http://x', headers: {X: {hunter2: hunter2}}}]}\n",
        "alerts: {receivers: [{name: a, url: 'http://x', headers: {X: \"hunter2\\n\"}}]}\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct config_problems problems = {0};
        cr_expect_null(parse_in_folder(texts[i], &problems), "%s", texts[i]);
        cr_expect(problems.count > 0);
        for (size_t p = 0; p < problems.count; p++) {
            cr_expect_null(strstr(problems.lines[p], "hunter2"), "%s", problems.lines[p]);
        }
        config_problems_fini(&problems);
    }
}

Test(secret, without_secrets_nothing_is_read)
{
    struct config_problems problems = {0};
    static const char yaml[] = "redis: {user: u, password_file: /no/such/file}\n"
                               "alerts: {receivers: [{name: a, url_env: KPID_TEST_NOT_SET}]}\n";
    struct config *c = config_load_bytes("f", (struct text){yaml, sizeof yaml - 1}, false, &problems);
    cr_assert_not_null(c);
    cr_expect_str_eq(c->redis.password, "");
    config_destroy(c);
}
