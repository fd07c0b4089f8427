"""``python -m hublet.monkey``: see `_run`."""

from ._run import main

if __name__ == "__main__":
    main()
