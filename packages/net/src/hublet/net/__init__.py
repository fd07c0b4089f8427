"""The standard library's sockets, cooperative: a greenlet that waits for the network lets the others run."""
