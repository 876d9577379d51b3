"""Why a file could not be written, in words for a person, and as a refusal."""

import errno

from breastseg.serve.refusals import Forbidden, Full, Refused

# A quota that is used up, or a disk that takes no file so large, is full for this person.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def why(error: OSError) -> str:
    """Return in words why writing failed, without the file's path."""
    if error.errno in _FULL:
        return "the disk is full; nothing half-written was kept, make room and try again"
    if error.errno in _FORBIDDEN:
        return "the folder cannot be written to; change its rights"
    return f"{error.strerror or error}; nothing half-written was kept"


def not_written(what: str, error: OSError) -> Refused:
    """Return the refusal: Full for a full disk, Forbidden for all else."""
    kind = Full if error.errno in _FULL else Forbidden
    return kind(f"{what}: {why(error)}")
