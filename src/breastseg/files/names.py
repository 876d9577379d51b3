"""What files may be called on every system, and the names that breastseg keeps for itself."""

import re

PART = ".part-"
"""What is being written has a name that begins so; a kill leaves it, and nobody reads it."""
LOCK = f"{PART}lock"
NAME_BYTES = 255
"""As long as a name may be on the usual file systems."""

_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029<>:"/\\|?*]|^\.|[. ]$')
"""What no folder can be called on one of the usual systems; bytes that are no UTF-8 come as
surrogates."""
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)", re.IGNORECASE)
"""Names that Windows keeps for itself."""


def fit_name(name: str) -> str:
    """Return a name that a folder can have on every system: other bytes as %XX, as in addresses."""
    fit = _UNFIT.sub(lambda found: _percent(found[0]), name)
    if _DEVICE.match(fit):
        # "con" becomes "%63on": one letter is enough.
        return _percent(fit[0]) + fit[1:]
    return fit


def _percent(character: str) -> str:
    # A byte that is no UTF-8 came as a surrogate of this range, and goes back to that byte.
    is_byte = "\udc80" <= character <= "\udcff"
    data = character.encode("utf-8", "surrogateescape" if is_byte else "surrogatepass")
    return "".join(f"%{byte:02X}" for byte in data)
