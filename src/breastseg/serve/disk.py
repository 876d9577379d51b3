"""What stood against writing, for a person, and as a status of HTTP."""

import errno

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def why(error: OSError) -> str:
    """Say what stood against writing, without where."""
    if error.errno in _FULL:
        return "the disk is full; nothing half-written was kept, make room and try again"
    if error.errno in _FORBIDDEN:
        return "the folder cannot be written to; change its rights"
    return f"{error.strerror or error}; nothing half-written was kept"


def status_of(error: OSError) -> int:
    """Return 507 for a full disk, 403 for all else."""
    return 507 if error.errno in _FULL else 403
