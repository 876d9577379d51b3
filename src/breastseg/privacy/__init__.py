"""Slides that can be given away: `deidentify(slides, out)` copies them without label and macro
images, names, dates and identifiers; `look_at(slide)` says what a file gives away."""

from breastseg.privacy.batch import Deidentified, deidentify, look_at
from breastseg.privacy.findings import Finding, Level

__all__ = ["Deidentified", "Finding", "Level", "deidentify", "look_at"]
