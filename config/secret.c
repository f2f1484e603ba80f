/* Secrets from where they are kept: a file, the environment, or a credential of systemd. Neither they nor
 * where they are kept are ever shown: people paste the secret itself in the wrong place. */
#include "base/error.h"
#include "config/load.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_SIZE_MAX = 16384 };

/* NULL and a reason. The last line end is not part of the secret: editors put it there. */
static char *read_file(const char *path, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        *why = strerror(errno);
        return NULL;
    }
    struct stat st;
    char *secret = NULL;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        *why = "it is no regular file";
    } else if (st.st_size > SECRET_SIZE_MAX) {
        *why = "it is larger than a secret should be";
    } else {
        secret = must_zalloc(SECRET_SIZE_MAX + 1);
        ssize_t len = read(fd, secret, SECRET_SIZE_MAX);
        if (len < 0) {
            *why = strerror(errno);
            free(secret);
            secret = NULL;
        } else if (memchr(secret, '\0', (size_t)len) != NULL) {
            *why = "it has a zero byte";
            explicit_bzero(secret, SECRET_SIZE_MAX);
            free(secret);
            secret = NULL;
        } else {
            len -= len > 0 && secret[len - 1] == '\n';
            len -= len > 0 && secret[len - 1] == '\r';
            explicit_bzero(secret + len, (size_t)(SECRET_SIZE_MAX - len));
        }
    }
    close(fd);
    return secret;
}

/* Relative to the configuration's folder, for the daemon's own is nobody's to know. */
static char *path_of(const char *config_name, const char *written)
{
    const char *slash = strrchr(config_name, '/');
    char *path;
    if (written[0] == '/' || slash == NULL) {
        return must_strdup(written);
    }
    REQUIRE(asprintf(&path, "%.*s/%s", (int)(slash - config_name), config_name, written) >= 0);
    return path;
}

static char *from_file(struct loader *l, const char *what, const char *path, struct mark at)
{
    const char *why = "";
    char *secret = read_file(path, &why);
    if (secret == NULL) {
        report_add(l->report, at, "%s cannot be read: %s", what, why);
    }
    return secret;
}

static char *from_credential(struct loader *l, const struct node *value)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (strchr(value->text.at, '/') != NULL || value->text.at[0] == '.') {
        report_add(l->report, value->mark,
                   "a credential's name has no '/'; write the name that LoadCredential= gives it");
        return NULL;
    }
    if (folder == NULL) {
        report_add(
            l->report, value->mark,
            "there are no credentials here: CREDENTIALS_DIRECTORY is set by systemd, in a unit with LoadCredential=; "
            "elsewhere, check with --without-secrets");
        return NULL;
    }
    char *path;
    REQUIRE(asprintf(&path, "%s/%s", folder, value->text.at) >= 0);
    char *secret = from_file(l, "the credential", path, value->mark);
    free(path);
    return secret;
}

char *secret_read(struct loader *l, const char *suffix, const struct node *value)
{
    char *secret = NULL;
    if (value->text.len == 0) {
        report_add(l->report, value->mark, "a secret's place is empty; write it, or take the line away");
        return NULL;
    }
    if (!l->secrets) {
        return must_strdup("");
    }
    if (strcmp(suffix, "_env") == 0) {
        const char *found = getenv(value->text.at);
        if (found == NULL) {
            report_add(l->report, value->mark,
                       "the environment variable that is named here is not set; set it for kpid");
            return NULL;
        }
        secret = must_strdup(found);
    } else if (strcmp(suffix, "_file") == 0) {
        char *path = path_of(l->name, value->text.at);
        secret = from_file(l, "the file that is named here", path, value->mark);
        free(path);
    } else {
        secret = from_credential(l, value);
    }
    if (secret != NULL && secret[0] == '\0') {
        report_add(l->report, value->mark,
                   "the secret that is named here is empty; put it there, or take the line away");
        free(secret);
        return NULL;
    }
    return secret;
}
