"""Child processes that a greenlet can wait for while the others run.

`subprocess` and `os` here are the standard library's modules of those names, cooperative: import the one you need.
"""
