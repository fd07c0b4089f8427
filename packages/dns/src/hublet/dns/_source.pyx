"""`_source.py` in C: one socket for all addresses of both families, and no exception for what is not reached.

The socket is kept until what is ready now has run, for others whose answers have come with this one: to make it and to close
it costs more than to use it.
"""

from hublet.core.lowlevel import get_hub

cdef extern from "<sys/socket.h>" nogil:
    """
    #include <arpa/inet.h>
    #include <fcntl.h>
    #include <netinet/in.h>
    #include <string.h>
    #include <unistd.h>

    /* As a socket of Python: not for children. */
    static int hublet_udp(int family) {
    #ifdef SOCK_CLOEXEC
        return socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    #else
        int fd = socket(family, SOCK_DGRAM, 0);
        if (fd >= 0)
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    #endif
    }

    /* A socket of IPv6 that reaches IPv4 too, as the mapped addresses; where there is no such thing, one of IPv4. */
    static int hublet_open(int *family) {
        int no = 0, fd = hublet_udp(*family = AF_INET6);
        if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
        return hublet_udp(*family = AF_INET);
    }

    /* Write down what the text says; IPv4 as the mapped address.  Whether it is an address. */
    static int hublet_parse(const char *text, struct sockaddr_in6 *address) {
        memset(address, 0, sizeof *address);
        address->sin6_family = AF_INET6;
        address->sin6_port = htons(9); /* that of the discard service; nothing is sent */
        if (inet_pton(AF_INET6, text, &address->sin6_addr) == 1)
            return 1;
        memset(address->sin6_addr.s6_addr + 10, 0xff, 2);
        return inet_pton(AF_INET, text, address->sin6_addr.s6_addr + 12) == 1;
    }

    /* Connect, and put the own address in the place of the other.  Whether that is reached. */
    static int hublet_connect(int fd, int family, struct sockaddr_in6 *address, int *is_connected) {
        struct sockaddr_storage own;
        socklen_t size = sizeof own;
        int status;
        if (*is_connected) {
            /* Without this the own address would stay what it is. */
            struct sockaddr nobody = {.sa_family = AF_UNSPEC};
            connect(fd, &nobody, sizeof nobody);
            *is_connected = 0;
        }
        if (family == AF_INET6) {
            status = connect(fd, (struct sockaddr *)address, sizeof *address);
        } else {
            struct sockaddr_in plain = {.sin_family = AF_INET, .sin_port = address->sin6_port};
            if (!IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
                return 0;
            memcpy(&plain.sin_addr, address->sin6_addr.s6_addr + 12, 4);
            status = connect(fd, (struct sockaddr *)&plain, sizeof plain);
        }
        if (status || getsockname(fd, (struct sockaddr *)&own, &size))
            return 0;
        *is_connected = 1;
        if (family == AF_INET6)
            address->sin6_addr = ((struct sockaddr_in6 *)&own)->sin6_addr;
        else
            memcpy(address->sin6_addr.s6_addr + 12, &((struct sockaddr_in *)&own)->sin_addr, 4);
        return 1;
    }
    """
    struct in6_addr:
        unsigned char s6_addr[16]

    struct sockaddr_in6:
        in6_addr sin6_addr

    int hublet_open(int *family)
    int hublet_parse(const char *text, sockaddr_in6 *address)
    int hublet_connect(int fd, int family, sockaddr_in6 *address, int *is_connected)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)


cdef class Probe:
    """A socket to connect, which sends nothing.  Used by one thread, that of its hub."""

    def __cinit__(self):
        self._fd = -1

    def __dealloc__(self):
        self.close()

    cpdef object close(self):
        if self._fd >= 0:
            close(self._fd)
        self._fd = -1

    cpdef list ways_to(self, list addresses):
        """Return for each of *addresses* its sixteen bytes, and those of the address from which it would be reached.

        They have no scopes.  Of IPv4, those of the mapped address.  `None` if nothing would reach it.  Never switches.
        """
        cdef sockaddr_in6 address
        cdef list found = []
        cdef bytes text, packed
        if self._fd < 0:
            self._fd = hublet_open(&self._family)
            self._is_connected = 0
            get_hub().call_soon(self.close)
        for each in addresses:
            text = each.encode()
            if not hublet_parse(text, &address):
                raise OSError(f"{each!r} is not the address of a host")
            packed = (<char *>address.sin6_addr.s6_addr)[:16]
            if self._fd >= 0 and hublet_connect(self._fd, self._family, &address, &self._is_connected):
                found.append((packed, (<char *>address.sin6_addr.s6_addr)[:16]))
            else:
                found.append((packed, None))
        return found
