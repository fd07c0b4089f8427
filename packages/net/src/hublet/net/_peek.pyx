"""`_peek.py` in C: a receive of nothing, whose error number is looked at before there is any exception."""

from _socket import socket as _base

cdef extern from *:
    """
    #include <errno.h>
    #include <sys/socket.h>
    static int hublet_is_empty(int fd) {
        char byte;
        return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    """
    bint hublet_is_empty(int fd)

cdef object _fileno = _base.fileno


def is_empty(sock):
    """Say whether *sock*, open or not, has neither data nor its end nor an error to receive.  Never switches."""
    return hublet_is_empty(_fileno(sock))
