"""What stood against writing, for a person, and as a refusal."""

import errno

from breastseg.serve.refusals import Forbidden, Full, Refused

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def why(error: OSError) -> str:
    """Say what stood against writing, without where."""
    if error.errno in _FULL:
        return "the disk is full; nothing half-written was kept, make room and try again"
    if error.errno in _FORBIDDEN:
        return "the folder cannot be written to; change its rights"
    return f"{error.strerror or error}; nothing half-written was kept"


def not_written(what: str, error: OSError) -> Refused:
    """Return the refusal: Full for a full disk, Forbidden for all else."""
    kind = Full if error.errno in _FULL else Forbidden
    return kind(f"{what}: {why(error)}")
