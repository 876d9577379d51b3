"""What is annotated in the training part: classes without a pixel, and fields of which something is
known as a whole."""

from collections.abc import Iterator

from breastseg.data.dataset import Dataset
from breastseg.errors import SplitError
from breastseg.training.config import TrainConfig
from breastseg.wording import counted


def absent_classes(data: Dataset, regions: list[str], config: TrainConfig) -> list[str]:
    """Return the classes without a pixel.

    Raises:
        SplitError: there are some, and `config` does not allow it.
    """
    pixels = data.class_pixels.loc[regions].sum()  # (K,) by class
    absent = [str(name) for name in pixels.index[pixels == 0]]
    if absent and not config.allow_absent_classes:
        how = "never occurs"
        fields = _said_somewhere(data, regions, absent[0])
        if fields:
            where = f"only {counted(fields, 'field')} said to have it somewhere"
            how = f"has no annotated pixel ({where})"
        raise SplitError(
            f"{data.path}: class '{absent[0]}' {how} in the {len(regions)} training regions"
            f" ({len(absent)} such classes); split otherwise, choose a coarser label map, or"
            " --allow-absent-classes"
        )
    return absent


def absent_note(data: Dataset, regions: list[str], label: str) -> str:
    """Return in words what training without a pixel of a class means."""
    fields = _said_somewhere(data, regions, label)
    if not fields:
        return f"class '{label}' never occurs in training, the model cannot learn it"
    return (
        f"class '{label}' has no annotated pixel in training, only {counted(fields, 'field')} said"
        " to have it somewhere: a weak lesson"
    )


def _said_somewhere(data: Dataset, regions: list[str], label: str) -> int:
    """Return how many fields are known to have a class somewhere."""
    return int((data.facts.loc[regions, label] > 0).sum())


def field_notes(data: Dataset, regions: list[str], config: TrainConfig) -> Iterator[str]:
    """Yield in words what is known of whole fields."""
    facts = data.facts.loc[data.fields(regions)]  # fields x classes: -1 without, 1 with, 0 unknown
    if facts.empty:
        return
    counts = []
    for word, fact in (("without", -1), ("with", 1)):
        for name in facts:
            count = int((facts[name] == fact).sum())
            if count:
                counts.append(f"{count:,} {word} {name}")
    yield (
        f"{counted(len(facts), 'field')} known as a whole ({', '.join(counts)}):"
        f" {config.fields:.0%} of the crops"
    )
