"""The former name of `breastseg.images`, for scripts that were written before; gone in 0.2."""

from breastseg.images import *  # noqa: F403
from breastseg.images import __all__ as __all__
