"""The card's `training`: where a model's weights come from."""

from dataclasses import dataclass

from breastseg.records import from_json


@dataclass(frozen=True)
class Environment:
    """What a training ran on.

    Attributes:
        python: its version.
        platform: operating system.
        machine: kind of processor.
        threads: that PyTorch used.
        cuda: name of the GPU; empty without one.
        packages: version of each package that took part.
        git_commit: of the program; empty outside a repository.
    """

    python: str | None = None
    platform: str | None = None
    machine: str | None = None
    threads: int | None = None
    cuda: str | None = None
    packages: dict[str, str] | None = None
    git_commit: str | None = None


@dataclass(frozen=True)
class Averaged:
    """A model whose weights went into a mean, and its share."""

    name: str
    weights: str
    share: float


@dataclass(frozen=True)
class Training:
    """Where weights come from; a card may lack any of it.

    Attributes:
        config: the `TrainConfig` as it was run; versions differ in what it has.
        data: fingerprint of the data set.
        split: fingerprint of the split.
        name: of the model that was trained.
        start: SHA-256 of each file of the model whose weights it went on from.
        data_parts: sources of the data set, with their licences.
        encoder_weights: where the encoder's first weights came from.
        patients: by part: train, val, test.
        class_px: annotated pixels of the training part, by class.
        source_mpp: microns per pixel of the sources.
        environment: what it ran on.
        averaged: the models that were averaged, where it is a mean.
    """

    config: dict[str, object] | None = None
    data: str | None = None
    split: str | None = None
    name: str | None = None
    start: dict[str, str] | None = None
    data_parts: tuple[str, ...] | None = None
    encoder_weights: str | None = None
    patients: dict[str, tuple[str, ...]] | None = None
    class_px: dict[str, int] | None = None
    source_mpp: tuple[float, ...] | None = None
    environment: Environment | None = None
    averaged: tuple[Averaged, ...] | None = None

    def patients_of(self, part: str) -> tuple[str, ...]:
        """Return the patients of a part; none where the card names none."""
        return (self.patients or {}).get(part, ())

    @property
    def packages(self) -> dict[str, str]:
        """Return the versions of the packages that trained it, as far as the card has them."""
        return (self.environment and self.environment.packages) or {}

    @staticmethod
    def from_dict(value: object, what: str) -> "Training":
        """Read it; ValueError names what does not fit, or is no field of it."""
        return from_json(Training, value, what, closed=True)
