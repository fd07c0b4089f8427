/* The limit for the echo benchmark: an epoll loop that does nothing else.  Prints its port.

       server tcp|udp */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[65536];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {0}, peer;
    struct epoll_event events[512], event;
    socklen_t length = sizeof address;
    int udp = argc > 1 && !strcmp(argv[1], "udp");
    int listener = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);
    int epoll = epoll_create1(0), count, i;

    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
    if (!udp && listen(listener, 4096) < 0) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    event.events = EPOLLIN | EPOLLET;
    event.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        count = epoll_wait(epoll, events, 512, -1);
        if (count < 0 && errno != EINTR) fail("epoll_wait");
        for (i = 0; i < count; i++) {
            int fd = events[i].data.fd, new;
            ssize_t got;
            if (udp) {
                for (;;) {
                    length = sizeof peer;
                    got = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &length);
                    if (got < 0) break;
                    sendto(fd, buffer, got, 0, (struct sockaddr *)&peer, length);
                }
            } else if (fd == listener) {
                while ((new = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
                    event.data.fd = new;
                    epoll_ctl(epoll, EPOLL_CTL_ADD, new, &event);
                }
            } else {
                for (;;) {
                    got = recv(fd, buffer, sizeof buffer, 0);
                    if (got <= 0) break;
                    if (send(fd, buffer, got, MSG_NOSIGNAL) != got) {
                        got = 0; /* nobody in this benchmark sends more than fits */
                        break;
                    }
                    if (got < (ssize_t)sizeof buffer) {
                        got = -1, errno = EAGAIN; /* a short read means an empty buffer */
                        break;
                    }
                }
                if (got == 0 || (got < 0 && errno != EAGAIN)) close(fd);
            }
        }
    }
}
