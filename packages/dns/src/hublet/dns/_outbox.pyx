"""What c-ares sends, kept until it goes out together with others.

Each datagram for itself is a system call, and wakes a name server on the same machine that has gone to sleep after the last:
together that is more than half of what the system does for a look-up (`benchmarks/dns.py`).  So c-ares has its socket
functions from here.  They are the system's but for one: a datagram is kept until `Outbox.send`, which the channel calls once
all that is ready in its hub has run.  What the system says to it then, c-ares hears when it next reads from that socket.
"""

from . import _cares_setup
from ._cares_setup import ffi

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
      #define _GNU_SOURCE  /* for sendmmsg */
    #endif
    #include <errno.h>
    #include <fcntl.h>
    #include <net/if.h>
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <sys/uio.h>
    #include <unistd.h>

    enum { HUBLET_MOST = 64, HUBLET_LONGEST = 512 };

    typedef struct {
        pid_t pid;       /* whose letters they are: not a forked child's */
        int count;
        int datagrams;   /* the descriptor of a socket that is known to be one of datagrams, or -1 */
        int refused;     /* the descriptor of a socket that refused a letter, or -1 */
        int refusal;     /* the number of that error */
        int sockets[HUBLET_MOST];
        size_t lengths[HUBLET_MOST];
        char texts[HUBLET_MOST][HUBLET_LONGEST];
    } Letters;

    /* Send what the socket of the first takes of those that are its own; how many, or -1. */
    static int hublet_send_run(Letters *letters) {
        int fd = letters->sockets[0], length = 0;
    #if defined(__linux__) || defined(__FreeBSD__)
        struct mmsghdr messages[HUBLET_MOST];
        struct iovec parts[HUBLET_MOST];
        for (; length < letters->count && letters->sockets[length] == fd; length++) {
            parts[length].iov_base = letters->texts[length];
            parts[length].iov_len = letters->lengths[length];
            memset(&messages[length], 0, sizeof messages[length]);
            messages[length].msg_hdr.msg_iov = &parts[length];
            messages[length].msg_hdr.msg_iovlen = 1;
        }
        do length = sendmmsg(fd, messages, (unsigned)length, 0);
        while (length < 0 && errno == EINTR);
        return length;
    #else
        (void)length;
        return send(fd, letters->texts[0], letters->lengths[0], 0) < 0 ? -1 : 1;
    #endif
    }

    /* Forget the *first* so many of them, and all of the socket *fd*. */
    static void hublet_forget(Letters *letters, int first, int fd) {
        int from, to = 0;
        for (from = first; from < letters->count; from++) {
            if (letters->sockets[from] == fd) continue;
            if (to != from) {
                letters->sockets[to] = letters->sockets[from];
                letters->lengths[to] = letters->lengths[from];
                memcpy(letters->texts[to], letters->texts[from], letters->lengths[from]);
            }
            to++;
        }
        letters->count = to;
    }

    /* Send all: 0, or the number of the error with which a socket did not take one.  Unless it takes no more just now, that
       one is forgotten, and its socket is `refused`. */
    static int hublet_send(Letters *letters) {
        if (letters->refused >= 0) return letters->refusal;
        if (letters->count && letters->pid != getpid()) letters->count = 0;
        while (letters->count) {
            int sent = hublet_send_run(letters);
            if (sent < 0) {
                int error = errno;
                if (error == EAGAIN || error == EWOULDBLOCK) return EAGAIN;
                letters->refused = letters->sockets[0];
                letters->refusal = error;
                hublet_forget(letters, 1, -1);
                return error;
            }
            hublet_forget(letters, sent, -1);
        }
        return 0;
    }

    static int hublet_is_datagrams(Letters *letters, int fd) {
        int type = 0;
        socklen_t size = sizeof type;
        if (fd != letters->datagrams) {
            if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_DGRAM) return 0;
            letters->datagrams = fd;
        }
        return 1;
    }

    /* The functions of c-ares; ares_set_socket_functions_ex(3) says what they do. */

    static int hublet_close(int fd, void *data) {
        Letters *letters = data;
        hublet_forget(letters, 0, fd);
        if (letters->datagrams == fd) letters->datagrams = -1;
        if (letters->refused == fd) letters->refused = -1;
        return close(fd);
    }

    static int hublet_socket(int family, int type, int protocol, void *data) {
        int yes = 1, fd = socket(family, type, protocol);
        if (fd < 0) return -1;
        if (fcntl(fd, F_SETFL, O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC)) {
            close(fd);
            return -1;
        }
        if (type == SOCK_STREAM) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        return fd;
    }

    static int hublet_set_option(int fd, int option, const void *value, socklen_t size, void *data) {
        errno = ENOSYS;  /* none is used, and this says that it does not matter */
        return -1;
    }

    static int hublet_connect(int fd, const struct sockaddr *address, socklen_t size, unsigned flags, void *data) {
        return connect(fd, address, size);
    }

    static ssize_t hublet_receive(
        int fd, void *buffer, size_t length, int flags, struct sockaddr *address, socklen_t *size, void *data
    ) {
        Letters *letters = data;
        if (fd == letters->refused) {
            letters->refused = -1;
            errno = letters->refusal;
            return -1;
        }
        return recvfrom(fd, buffer, length, flags, address, size);
    }

    static ssize_t hublet_post(
        int fd, const void *text, size_t length, int flags, const struct sockaddr *address, socklen_t size, void *data
    ) {
        Letters *letters = data;
        if (length > HUBLET_LONGEST || !hublet_is_datagrams(letters, fd)
            || (letters->count == HUBLET_MOST && hublet_send(letters)))
            return sendto(fd, text, length, flags, address, size);
        if (letters->count == 0) letters->pid = getpid();
        letters->sockets[letters->count] = fd;
        letters->lengths[letters->count] = length;
        memcpy(letters->texts[letters->count], text, length);
        letters->count++;
        return (ssize_t)length;
    }

    static int hublet_get_name(int fd, struct sockaddr *address, socklen_t *size, void *data) {
        return getsockname(fd, address, size);
    }

    static unsigned hublet_index_of(const char *name, void *data) { return if_nametoindex(name); }

    static const char *hublet_name_of(unsigned index, char *buffer, size_t size, void *data) {
        return size < IF_NAMESIZE ? NULL : if_indextoname(index, buffer);
    }

    static const struct {
        unsigned version, flags;
        int (*socket)(int, int, int, void *);
        int (*close)(int, void *);
        int (*set_option)(int, int, const void *, socklen_t, void *);
        int (*connect)(int, const struct sockaddr *, socklen_t, unsigned, void *);
        ssize_t (*receive)(int, void *, size_t, int, struct sockaddr *, socklen_t *, void *);
        ssize_t (*send)(int, const void *, size_t, int, const struct sockaddr *, socklen_t, void *);
        int (*get_name)(int, struct sockaddr *, socklen_t *, void *);
        int (*bind)(int, unsigned, const struct sockaddr *, socklen_t, void *);
        unsigned (*index_of)(const char *, void *);
        const char *(*name_of)(unsigned, char *, size_t, void *);
    } hublet_functions = {
        1, 1 /* nothing blocks */, hublet_socket, hublet_close, hublet_set_option, hublet_connect, hublet_receive,
        hublet_post, hublet_get_name, NULL, hublet_index_of, hublet_name_of,
    };

    static Letters *hublet_letters(void) {
        Letters *letters = malloc(sizeof *letters);
        if (letters != NULL) {
            letters->count = 0;
            letters->datagrams = letters->refused = -1;
        }
        return letters;
    }
    """
    ctypedef struct Letters:
        int count
        int refused
    const void *functions "&hublet_functions"
    Letters *hublet_letters()
    int hublet_send(Letters *letters)

cdef extern from "<stdlib.h>":
    void free(void *memory)

ctypedef int (*set_functions)(void *channel, const void *functions, void *data) noexcept

# Missing where the library of pycares does not tell where it is: c-ares then sends each for itself.
cdef set_functions ares_set_socket_functions_ex = NULL
if _cares_setup.set_functions is not None:
    ares_set_socket_functions_ex = <set_functions><size_t>int(ffi.cast("uintptr_t", _cares_setup.set_functions))


cdef class Outbox:
    """The letters of one channel.  It must live as long as that."""

    def __cinit__(self):
        self._letters = hublet_letters()
        if self._letters == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self._letters)

    cdef object attach(self, void *channel):
        """Let *channel*, which has no sockets yet, use it."""
        if ares_set_socket_functions_ex != NULL and ares_set_socket_functions_ex(channel, functions, self._letters):
            raise OSError("c-ares refuses the functions that it should use for its sockets")

    cdef bint has_any(self) noexcept:
        """Say whether there is anything to do for `send`."""
        return (<Letters *>self._letters).count > 0 or (<Letters *>self._letters).refused >= 0

    cdef int send(self) noexcept:
        """Send all; return 0, or the number of an error.  After `EAGAIN` try again; otherwise a socket has `refused`."""
        return hublet_send(<Letters *>self._letters)

    cdef int refused(self) noexcept:
        """Return the descriptor from which c-ares must read to hear of the error."""
        return (<Letters *>self._letters).refused
