"""What the garbage collector asks a greenlet, answered at once where that is plain.  Interpreted, greenlet itself is asked."""

__all__ = ["install"]


def install() -> None:
    """Answer for `Greenlet` from now on, also where a subclass that is made later asks."""
