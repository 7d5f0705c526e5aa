"""How the command line ends."""

from __future__ import annotations

OK, ERROR, USAGE, IN_USE, DAMAGED, PORT_IN_USE = range(6)


class Stop(Exception):
    """What ends a verb: its text is one line for standard error, ``code`` the exit code."""

    def __init__(self, why: object, code: int = ERROR) -> None:
        super().__init__(str(why))
        self.code = code
