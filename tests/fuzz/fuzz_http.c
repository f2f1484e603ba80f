/* Bytes from whoever connects to the metrics endpoint. The parser is libmicrohttpd's; what is ours must answer each
 * request whole or not at all, and still answer the next one. */
#include "base/error.h"
#include "base/log.h"
#include "daemon/http.h"
#include "tests/support/free_port.h"
#include "tests/support/http_receiver.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANSWERS_MAX = 1 << 20, PATIENCE_MS = 15000 };

static unsigned page(void *context, struct buffer *body)
{
    (void)context;
    buffer_string(body, "of the page\n");
    return 200;
}

static const struct http_page pages[] = {{"/metrics", "text/plain", page}, {"/", "text/plain", page}, {0}};
static struct sockaddr_in server;
static struct http *http; /* until the process ends */

static void start(void)
{
    int port = free_port();
    struct config *config = config_default();
    config->http.port = port;
    server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    http = http_open(&config->http, pages, NULL);
    REQUIRE(http != NULL);
    config_destroy(config);
}

/* Where all ports are still held by connections of before, one of them will be free in a second; and the fuzzer's alarm
 * interrupts whoever waits. */
static int reach(void)
{
    for (int tried = 0; tried < PATIENCE_MS / 10; tried++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        REQUIRE(fd >= 0);
        if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
            return fd;
        close(fd);
        poll(NULL, 0, 10);
    }
    require_failed("the endpoint can be reached", __FILE__, __LINE__);
}

/* Answers the next one while the first one, of whatever bytes, is still connected; and what that one was told begins as
 * an answer does. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char answer[ANSWERS_MAX];
    static const char plain[] = "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    if (server.sin_port == 0)
        start();
    int odd = reach();
    (void)send(odd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    int fd = reach();
    REQUIRE(TEMP_FAILURE_RETRY(send(fd, plain, sizeof plain - 1, MSG_NOSIGNAL)) == (ssize_t)sizeof plain - 1);
    size_t len = 0;
    for (ssize_t n = 1; n > 0; len += n > 0 ? (size_t)n : 0) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        REQUIRE(len < ANSWERS_MAX && TEMP_FAILURE_RETRY(poll(&ready, 1, PATIENCE_MS)) == 1);
        n = TEMP_FAILURE_RETRY(recv(fd, answer + len, ANSWERS_MAX - len, 0));
    }
    close(fd);
    REQUIRE(len > 16 && memcmp(answer, "HTTP/1.1 200", 12) == 0);
    REQUIRE(memcmp(answer + len - 16, "\r\n\r\nof the page\n", 16) == 0);
    ssize_t told = recv(odd, answer, ANSWERS_MAX, MSG_DONTWAIT);
    REQUIRE(told <= 0 || (told > 12 && memcmp(answer, "HTTP/1.", 7) == 0));
    setsockopt(odd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger)); /* at once */
    close(odd);
    return 0;
}
