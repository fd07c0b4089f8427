# Addresses of IP as the kernel has them and as Python has them.
cdef extern from *:
    """
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <string.h>
    #include <sys/socket.h>

    typedef union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_storage storage;
    } hublet_address;

    /* A host as Python has it.  One that is the same as the last time is the same object: much of what a server hears comes
       from few hosts, and each connection keeps its peer's for as long as it lives. */
    static PyObject *hublet_host(struct in_addr address) {
        static struct in_addr last;
        static PyObject *last_host = NULL;
        if (last_host == NULL || last.s_addr != address.s_addr) {
            char text[INET_ADDRSTRLEN];
            PyObject *old = last_host, *host;
            inet_ntop(AF_INET, &address, text, sizeof text);
            host = PyUnicode_FromString(text);
            if (host == NULL) return NULL;
            last_host = host;
            last = address;
            Py_XDECREF(old);
        }
        Py_INCREF(last_host);
        return last_host;
    }

    /* The address as Python has it; None if it is of another family, or there is none. */
    static PyObject *hublet_from_address(hublet_address *address, socklen_t length) {
        char host[INET6_ADDRSTRLEN];
        if (length >= sizeof address->ipv4 && address->any.sa_family == AF_INET)
            return Py_BuildValue("Ni", hublet_host(address->ipv4.sin_addr), (int)ntohs(address->ipv4.sin_port));
        if (length >= sizeof address->ipv6 && address->any.sa_family == AF_INET6) {
            inet_ntop(AF_INET6, &address->ipv6.sin6_addr, host, sizeof host);
            return Py_BuildValue("siII", host, (int)ntohs(address->ipv6.sin6_port),
                                 (unsigned int)ntohl(address->ipv6.sin6_flowinfo),
                                 (unsigned int)address->ipv6.sin6_scope_id);
        }
        Py_RETURN_NONE;
    }

    /* The number at *at* in a tuple, which is from 0 to *most*; -1 if it is anything else. */
    static long hublet_number(PyObject *tuple, Py_ssize_t at, unsigned long most) {
        PyObject *item = PyTuple_GET_ITEM(tuple, at);
        long number = PyLong_CheckExact(item) ? PyLong_AsLong(item) : -1;
        if (PyErr_Occurred()) PyErr_Clear();
        return number < 0 || (unsigned long)number > most ? -1 : number;
    }

    /* The length of the address that a tuple of a numeric host and a port stands for, by IPv6 also with a flow and a scope;
       0 if it is anything else. */
    static socklen_t hublet_to_address(PyObject *tuple, int family, hublet_address *address) {
        PyObject *host;
        const char *text;
        Py_ssize_t size, items;
        long port, flow = 0, scope = 0;
        if (!PyTuple_CheckExact(tuple)) return 0;
        items = PyTuple_GET_SIZE(tuple);
        if (items != 2 && (items != 4 || family != AF_INET6)) return 0;
        host = PyTuple_GET_ITEM(tuple, 0);
        if (!PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host)) return 0;
        text = PyUnicode_AsUTF8AndSize(host, &size);
        if (PyErr_Occurred()) PyErr_Clear();
        if (text == NULL || (size_t)size != strlen(text)) return 0;
        port = hublet_number(tuple, 1, 0xffff);
        if (items == 4) {
            flow = hublet_number(tuple, 2, 0xfffff);
            scope = hublet_number(tuple, 3, 0xffffffff);
        }
        if (port < 0 || flow < 0 || scope < 0) return 0;
        memset(address, 0, sizeof *address);
        if (family == AF_INET && inet_pton(AF_INET, text, &address->ipv4.sin_addr) == 1) {
            address->ipv4.sin_family = AF_INET;
            address->ipv4.sin_port = htons((unsigned short)port);
            return sizeof address->ipv4;
        }
        if (family == AF_INET6 && inet_pton(AF_INET6, text, &address->ipv6.sin6_addr) == 1) {
            address->ipv6.sin6_family = AF_INET6;
            address->ipv6.sin6_port = htons((unsigned short)port);
            address->ipv6.sin6_flowinfo = htonl((uint32_t)flow);
            address->ipv6.sin6_scope_id = (uint32_t)scope;
            return sizeof address->ipv6;
        }
        return 0;
    }
    """
    ctypedef union hublet_address:
        pass
    ctypedef unsigned int socklen_t
    int AF_INET, AF_INET6
    object hublet_from_address(hublet_address *address, socklen_t length)
    socklen_t hublet_to_address(object address, int family, hublet_address *made) except? 0
