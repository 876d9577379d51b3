"""Clock positions and quadrants of the breast, seen from the front."""


def halves_at(hour: float, side: str) -> set[str]:
    """Return the halves that a clock position can lie in: of "upper", "lower", "outer", "inner".

    Seen from the front, 3 o'clock is the outer side of the left breast and the inner side of the
    right. Within half an hour of an axis (12, 3, 6, 9) both halves are possible.

    Args:
        hour: 1 to 12, with halves.
        side: "L" or "R".
    """
    hour = hour % 12  # 12 becomes 0
    halves = set()
    if hour >= 8.5 or hour <= 3.5:
        halves.add("upper")
    if 2.5 <= hour <= 9.5:
        halves.add("lower")
    # Right and left of who looks at it: right is the outer side of the left breast.
    to_the_right = hour <= 6.5 or hour >= 11.5
    to_the_left = hour >= 5.5 or hour <= 0.5
    if to_the_right:
        halves.add("outer" if side == "L" else "inner")
    if to_the_left:
        halves.add("inner" if side == "L" else "outer")
    return halves
