"""Numbers in sentences, and others' messages in ours."""


def counted(number: int, noun: str) -> str:
    """Return "1 tile", "2 tiles"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(said: object, most: int = 200) -> str:
    """Return what an error or another program said as part of a line."""
    return " ".join(str(said).split())[:most]
