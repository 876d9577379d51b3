"""BenchConfig: what is measured. Imports nothing that computes."""

from dataclasses import dataclass

from breastseg.bundles.bundle import DEFAULT_MODEL


@dataclass(frozen=True)
class BenchConfig:
    """What is measured.

    Attributes:
        model: name of a shipped model or folder of a bundle.
        mpp: microns per pixel of the slide, when it does not say or says it wrong.
        seconds: about so long in all, if that is enough to do everything twice.
        threads: CPU threads of the network; 0 takes one per core.
    """

    model: str = DEFAULT_MODEL
    mpp: float | None = None
    seconds: float = 20.0
    threads: int = 0
