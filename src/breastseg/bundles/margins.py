"""Margins: how far a model's shares and borders are from the truth for most patients. They lie in a
card, and without names in run.json."""

from dataclasses import dataclass, replace
from typing import Any

from breastseg.json_files import number_in, whole_in
from breastseg.records import from_json
from breastseg.wording import counted

OF_USE = 20
"""With fewer patients a margin is the error of the worst of them, or nearly."""
_MOST_ODDS, _MOST_UM, _MOST_PATIENTS = 1000.0, 1e6, 10**9


@dataclass(frozen=True)
class ClassMargin:
    """Margins of one class.

    Attributes:
        patients: who have some of it, in truth or in the map.
        log_odds: how far the log odds of its share may be off; null where there are too few.
        border_patients: in whose map it has a border.
        border_um: how far its border may be off; null where there are too few, or where truth has
            no such border in too many.
    """

    patients: int
    log_odds: float | None
    border_patients: int
    border_um: float | None


@dataclass(frozen=True)
class Margins:
    """Margins of a model, by patient.

    Attributes:
        level: share of patients like these for whom each holds.
        border_share: share of a patient's border that lies within the border margin.
        needed: fewest patients with whom there is a margin.
        patients: how many there are, all classes together.
        classes: by class name.
        data: fingerprint of the data set; like what follows only in a card.
        split: its part.
        whose: the patients.
    """

    level: float
    border_share: float
    needed: int
    patients: int
    classes: dict[str, ClassMargin]
    data: str | None = None
    split: str | None = None
    whose: tuple[str, ...] | None = None

    @staticmethod
    def from_dict(value: Any, what: str) -> "Margins":
        """Read them; ValueError names what does not fit, or is no field."""
        margins = from_json(Margins, value, what, closed=True)
        for name in ("level", "border_share"):
            number_in(getattr(margins, name), 0.01, 0.999, f"{what}.{name}")
        for name in ("needed", "patients"):
            whole_in(getattr(margins, name), 0, _MOST_PATIENTS, f"{what}.{name}")
        for name, margin in margins.classes.items():
            where = f"{what}.classes.{name}"
            whole_in(margin.patients, 0, _MOST_PATIENTS, f"{where}.patients")
            whole_in(margin.border_patients, 0, _MOST_PATIENTS, f"{where}.border_patients")
            if margin.log_odds is not None:
                number_in(margin.log_odds, 0, _MOST_ODDS, f"{where}.log_odds")
            if margin.border_um is not None:
                number_in(margin.border_um, 0, _MOST_UM, f"{where}.border_um")
        return margins

    @property
    def has_some(self) -> bool:
        """Return whether any class has a margin."""
        for margin in self.classes.values():
            if margin.log_odds is not None or margin.border_um is not None:
                return True
        return False

    def without_names(self) -> "Margins":
        """Return them as run.json has them: how many patients, not who."""
        return replace(self, data=None, split=None, whose=None)

    def told(self) -> str:
        """Return in a sentence or two what low and high stand on."""
        percent = f"{100 * self.level:g} %"
        with_margin: list[str] = []
        without: list[str] = []
        numbers: list[int] = []
        for name, margin in self.classes.items():
            entry = f"{name} {margin.patients}"
            if margin.log_odds is None:
                without.append(entry)
            else:
                with_margin.append(entry)
                numbers.append(margin.patients)
        if not with_margin:
            return (
                f"no low and high: measured on {counted(self.patients, 'patient')},"
                f" {percent} needs {self.needed} who have the class"
            )
        parts = [
            f"low and high of a class hold for {percent} of patients like those that they were"
            f" measured on: {', '.join(with_margin)}"
        ]
        if without:
            names = ", ".join(without)
            parts.append(f"none where fewer than {self.needed} have the class: {names}")
        if min(numbers) < OF_USE:
            parts.append(
                f"with fewer than {OF_USE} they are as wide as the worst of those patients"
            )
        return "; ".join(parts)

    def sentences(self) -> list[str]:
        """Return what low and high stand on, and how far borders go."""
        sentences = []
        for text in (self.told(), self.borders_told()):
            if text:
                sentences.append(f"{text[0].upper()}{text[1:]}.")
        return sentences

    def borders_told(self) -> str:
        """Return in a sentence how far borders may be off; nothing where none has a margin."""
        entries = []
        for name, margin in self.classes.items():
            if margin.border_um is not None:
                entries.append(f"{name} {margin.border_um:.3g} um ({margin.border_patients})")
        if not entries:
            return ""
        return (
            f"{100 * self.border_share:g} % of a map's border of a class lies near the true one for"
            f" {100 * self.level:g} % of such patients, within (patients): {', '.join(entries)}"
        )
