/* The client of the echo benchmark: many connections, on each of which one message is on its way at any time.

       load PID HOST PORT KIND CONNECTIONS SIZE SECONDS

   KIND is tcp, udp, tls (if compiled with -DWITH_TLS) or idle.  PID is the server's process: its CPU time, user and system
   and all threads, is read when the warm-up is over and again at the end.  Prints one line of JSON.  With idle, every
   connection exchanges one message and then waits, and what is printed is the resident memory of the server in bytes,
   before the first connection and after the last. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define WARM_UP 0.3

struct connection {
    int fd;
    size_t received;
#ifdef WITH_TLS
    SSL *tls;
#endif
};

static struct sockaddr_in address;
static size_t size;
static char *message, *answer;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double cpu_seconds(clockid_t clock) {
    struct timespec t;
    if (clock_gettime(clock, &t) < 0) fail("the server's CPU clock");
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static long resident(int pid) {
    char path[64];
    long pages = 0, total;
    FILE *file;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%ld %ld", &total, &pages) != 2) fail(path);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void open_connection(struct connection *c, int udp, void *context) {
    int on = 1;
    c->received = 0;
    c->fd = socket(AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (c->fd < 0) fail("socket");
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("connect");
    if (!udp) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifdef WITH_TLS
    c->tls = NULL;
    if (context != NULL) {
        c->tls = SSL_new(context);
        SSL_set_fd(c->tls, c->fd);
        if (SSL_connect(c->tls) != 1) fail("SSL_connect");
    }
#else
    (void)context;
#endif
    if (fcntl(c->fd, F_SETFL, O_NONBLOCK) < 0) fail("fcntl");
}

static void ask(struct connection *c) {
    ssize_t sent;
    c->received = 0;
#ifdef WITH_TLS
    if (c->tls != NULL) {
        if (SSL_write(c->tls, message, size) != (int)size) fail("SSL_write");
        return;
    }
#endif
    sent = send(c->fd, message, size, 0);
    if (sent != (ssize_t)size) fail("send");
}

/* Return 1 if the whole answer is there. */
static int hear(struct connection *c) {
    ssize_t count;
#ifdef WITH_TLS
    if (c->tls != NULL) {
        for (;;) {
            count = SSL_read(c->tls, answer, size);
            if (count <= 0) {
                if (SSL_get_error(c->tls, count) == SSL_ERROR_WANT_READ) return 0;
                fail("SSL_read");
            }
            c->received += count;
            if (c->received >= size) return 1;
        }
    }
#endif
    count = recv(c->fd, answer, size, 0);
    if (count < 0) {
        if (errno == EAGAIN) return 0;
        fail("recv");
    }
    if (count == 0) {
        fprintf(stderr, "the server has closed a connection\n");
        exit(1);
    }
    c->received += count;
    return c->received >= size;
}

int main(int argc, char **argv) {
    struct epoll_event events[512], event;
    struct connection *all;
    int pid, connections, epoll, i, count, udp, idle;
    double seconds, started, ends, cpu = 0, begun = 0;
    long operations = 0, before, left;
    void *context = NULL;
    clockid_t clock;

    if (argc != 8) {
        fprintf(stderr, "usage: load PID HOST PORT KIND CONNECTIONS SIZE SECONDS\n");
        return 2;
    }
    pid = atoi(argv[1]);
    address.sin_family = AF_INET;
    inet_pton(AF_INET, argv[2], &address.sin_addr);
    address.sin_port = htons(atoi(argv[3]));
    udp = !strcmp(argv[4], "udp");
    idle = !strcmp(argv[4], "idle");
    connections = atoi(argv[5]);
    size = atoi(argv[6]);
    seconds = atof(argv[7]);
    message = calloc(1, size);
    answer = malloc(size);
    all = calloc(connections, sizeof *all);
    if (clock_getcpuclockid(pid, &clock) != 0) fail("the server's CPU clock");
    if (!strcmp(argv[4], "tls")) {
#ifdef WITH_TLS
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
#else
        fprintf(stderr, "compiled without TLS\n");
        return 3;
#endif
    }

    before = resident(pid);
    epoll = epoll_create1(0);
    for (i = 0; i < connections; i++) {
        open_connection(&all[i], udp, context);
        event.events = EPOLLIN;
        event.data.ptr = &all[i];
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event) < 0) fail("epoll_ctl");
        ask(&all[i]);
        if (idle)
            while (!hear(&all[i])) usleep(50);
    }
    if (idle) {
        printf("{\"before\": %ld, \"after\": %ld}\n", before, resident(pid));
        return 0;
    }
    started = now();
    ends = started + WARM_UP + seconds;
    while (now() < ends) {
        if (begun == 0 && now() >= started + WARM_UP) {
            begun = now();
            cpu = cpu_seconds(clock);
            operations = 0;
        }
        count = epoll_wait(epoll, events, 512, udp ? 1000 : 10000);
        if (count == 0) {
            if (!udp) {
                fprintf(stderr, "no answer for ten seconds\n");
                return 1;
            }
            for (i = 0; i < connections; i++) ask(&all[i]); /* a datagram was lost */
        }
        for (i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (hear(c)) {
                operations++;
                ask(c);
            }
        }
    }
    cpu = cpu_seconds(clock) - cpu;
    seconds = now() - begun;
    /* What is under way comes first, or the server would see its connections reset. */
    for (left = connections; !udp && left > 0 && (count = epoll_wait(epoll, events, 512, 1000)) > 0;)
        for (i = 0; i < count; i++) left -= hear(events[i].data.ptr);
    printf("{\"operations\": %ld, \"cpu\": %.9f, \"seconds\": %.6f}\n", operations, cpu, seconds);
    return 0;
}
