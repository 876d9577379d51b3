"""Numbers in sentences."""


def counted(number: int, noun: str) -> str:
    """Return "1 tile", "2 tiles"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
