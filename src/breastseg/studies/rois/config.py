"""What decides a study of regions. Imports nothing that computes, since help reads it."""

from collections.abc import Mapping
from dataclasses import dataclass

from breastseg.errors import InputError

NORMAL_ABNORMAL, MATCHED, BENIGN_MALIGNANT = "normal-abnormal", "matched", "benign-malignant"
CLASSES: Mapping[str, tuple[str, str]] = {
    NORMAL_ABNORMAL: ("normal", "abnormal"),
    MATCHED: ("normal", "abnormal"),
    BENIGN_MALIGNANT: ("benign", "malignant"),
}
"""Class 0 and class 1 of each task. `matched` has its normal squares at the same place of the other
breast."""

CNN = "cnn"
NETS = ("vgg16", "alexnet", CNN, "densenet169", "resnet50", "lite0")
SCRATCH, FROZEN, LAST_BLOCK = "scratch", "frozen", "last-block"
STRATEGIES = (SCRATCH, FROZEN, LAST_BLOCK)
LOGISTIC, MLP, FC = "logistic", "mlp", "fc"
HEADS: Mapping[str, str] = {
    LOGISTIC: "one layer on frozen features (logistic regression)",
    MLP: "principal components, one hidden layer",
    FC: "one layer, trained together with the network",
}
PACKAGE, NONE = "package", "none"

PATIENT, PAPER = "patient", "paper"
PROTOCOLS = (PATIENT, PAPER)
"""`patient` is honest: no patient on both sides. `paper` is what published systems do or may do:
turned copies are made first, then dealt to folds one by one, so that every region and patient is on
both sides. It is LEAKY. Both score the same copies."""


@dataclass(frozen=True)
class ClassifyConfig:
    """What decides a study.

    Attributes:
        task: "normal-abnormal", "matched" or "benign-malignant".
        net: of `NETS`.
        strategy: "scratch", "frozen" or "last-block".
        head: "logistic" or "mlp" on frozen features, "fc" else; "" takes the first that fits.
        weights: "package", "none" or a file; "" is none for scratch, package else.
        protocol: "patient", or "paper", which is leaky on purpose.
        both: run both protocols, on the same copies.
        off_centre: how far findings lie off the middle of their region, as a share of its side.
        crop_px: side of a crop.
        folds: into how many parts patients (under "paper" copies) are dealt.
        steps: of 16 copies, in the training of each fold; frozen networks have none.
        seed: of every draw.
        split_table: a CSV with film and split; its folds are taken under `patient`, and `folds` is
            their number then; "" deals patients by the seed.
    """

    task: str = NORMAL_ABNORMAL
    net: str = "vgg16"
    strategy: str = FROZEN
    head: str = ""
    weights: str = ""
    protocol: str = PATIENT
    both: bool = False
    off_centre: float = 0.0
    crop_px: int = 128
    folds: int = 5
    steps: int = 150
    seed: int = 0
    split_table: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be done; fill in what was left open."""
        for option, value, known in (
            ("--task", self.task, tuple(CLASSES)),
            ("--net", self.net, NETS),
            ("--strategy", self.strategy, STRATEGIES),
            ("--protocol", self.protocol, PROTOCOLS),
        ):
            if value not in known:
                raise InputError(f"{option} '{value}': wanted {', '.join(known)}")
        for option, amount, least, most in (
            ("--off-centre", self.off_centre, 0, 0.5),
            ("--crop", self.crop_px, 32, 512),
            ("--folds", self.folds, 2, 100),
            ("--steps", self.steps, 1, 1_000_000),
            ("--seed", self.seed, 0, 2**31),
        ):
            if not least <= amount <= most:
                raise InputError(f"{option} {amount:g}: wanted {least:g} to {most:g}")
        if self.split_table and PATIENT not in self.protocols:
            raise InputError(
                f"--split-table {self.split_table}: --protocol paper deals copies one by one; leave"
                " it out, or give --both"
            )
        self._fill_in()

    def _fill_in(self) -> None:
        # A head of its own is fitted to features that do not change while it learns.
        heads = (LOGISTIC, MLP) if self.strategy == FROZEN else (FC,)
        object.__setattr__(self, "head", self.head or heads[0])  # the class is frozen
        if self.head not in heads:
            raise InputError(
                f"--head {self.head}: wanted {' or '.join(heads)} with --strategy {self.strategy}"
            )
        if self.net == CNN and self.strategy != SCRATCH:
            raise InputError("--net cnn: has no weights to keep; wanted --strategy scratch")
        usual = NONE if self.strategy == SCRATCH else PACKAGE
        object.__setattr__(self, "weights", self.weights or usual)
        if self.strategy == SCRATCH and self.weights != NONE:
            raise InputError(
                f"--weights {self.weights}: --strategy scratch begins with random ones; leave it"
                " out, or take last-block"
            )

    @property
    def protocols(self) -> tuple[str, ...]:
        """The protocols that are run."""
        return PROTOCOLS if self.both else (self.protocol,)
