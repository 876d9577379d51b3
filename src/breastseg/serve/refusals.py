"""Why something that was asked for is not given. No HTTP here: `web/errors.py` has the status of
each."""


# Not among the errors of the package: these are answers to a browser, not mistakes of a caller.
class Refused(Exception):
    """The text is a line for a person.

    Attributes:
        version: of the file that is in the way, for who wants to replace it; "" says nothing.
        again_s: seconds after which asking again may help; 0 says nothing.
    """

    def __init__(self, line: str, *, version: str | None = None, again_s: int = 0) -> None:
        """Take the line."""
        super().__init__(line)
        self.version, self.again_s = version, again_s


class Malformed(Refused):
    """What was asked is not what can be asked."""


class Forbidden(Refused):
    """Nothing can be written there."""


class Absent(Refused):
    """There is none, or it was removed."""


class InTheWay(Refused):
    """Something else has the place."""


class TooMuch(Refused):
    """More than this machine, or a page, can take."""


class Unreadable(Refused):
    """The file is broken, or not what it should be."""


class Waiting(Refused):
    """Too many wait already."""


class Busy(Refused):
    """Others have the room; asking again helps."""


class Full(Refused):
    """The disk is full."""
