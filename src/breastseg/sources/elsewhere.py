"""Data sets that are read here and fetched by a person: where they are, how large, under which
licence."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Elsewhere:
    """Where a data set is to be had.

    Attributes:
        page: address that a person can open.
        holds: what comes from there, and how large it is.
        by_hand: how a person fetches it.
        licence: of images and annotations.
    """

    page: str
    holds: str
    by_hand: str
    licence: str
