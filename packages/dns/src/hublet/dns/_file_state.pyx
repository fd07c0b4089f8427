"""`_file_state.py` in C: `os.stat` makes an object with twenty fields, of which three are looked at."""

from os import fsencode

cdef extern from "<sys/stat.h>" nogil:
    """
    #ifdef __APPLE__
    #define hublet_mtime(s) ((s).st_mtimespec)
    #else
    #define hublet_mtime(s) ((s).st_mtim)
    #endif
    """
    struct timespec:
        long long tv_sec
        long long tv_nsec

    struct stat_t "stat":
        unsigned long long st_ino
        long long st_size

    int stat(const char *path, stat_t *found)
    timespec hublet_mtime(stat_t found)


cdef class FileState:
    """What the file *path* was like when it was last looked at."""

    def __init__(self, path):
        self._path = fsencode(path)
        self._is_known = False

    cpdef bint changed(self):
        """Look; say whether it is another file than the last time, or has been written to.  Never switches."""
        cdef stat_t found
        cdef unsigned long long inode = 0
        cdef long long size = -1, seconds = 0, nanoseconds = 0
        if stat(self._path, &found) == 0:
            # The inode too: an editor replaces the file, maybe twice within one tick of its clock.
            inode, size = found.st_ino, found.st_size
            seconds, nanoseconds = hublet_mtime(found).tv_sec, hublet_mtime(found).tv_nsec
        if (
            self._is_known
            and inode == self._inode
            and size == self._size
            and seconds == self._seconds
            and nanoseconds == self._nanoseconds
        ):
            return False
        self._is_known = True
        self._inode, self._size, self._seconds, self._nanoseconds = inode, size, seconds, nanoseconds
        return True
