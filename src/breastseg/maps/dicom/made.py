"""What all DICOM results of a map have in common: who made them, when, and their UIDs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from breastseg.errors import BreastsegError, ImageError
from breastseg.files import written
from breastseg.images.dicom_headers import uids_from
from breastseg.maps.dicom.codes import ALGORITHM, coded
from breastseg.wording import in_short

MANUFACTURER = "breastseg"
_DATES = ("InstanceCreationDate", "ContentDate", "SeriesDate")
_TIMES = ("InstanceCreationTime", "ContentTime", "SeriesTime")


@dataclass(frozen=True)
class Making:
    """How a map was made, for its DICOM results.

    Attributes:
        seed: says all that the results depend on; the same seed gives the same UIDs.
        model: name of the model.
        when: when the map was made.
    """

    seed: str
    model: str
    when: datetime

    def uid(self, name: str) -> str:
        """Return the UID of a part of the results."""
        return uids_from((self.seed,))(name)

    def common(self, name: str, series: int) -> dict[str, Any]:
        """Return what every object is told, by highdicom's names."""
        return {
            "series_instance_uid": self.uid(f"series of {name}"),
            "series_number": series,
            "manufacturer": MANUFACTURER,
            # Of the value type LO, which ends at 64 characters.
            "manufacturer_model_name": f"breastseg {self.model}"[:64],
            "software_versions": version("breastseg"),
            "device_serial_number": version("breastseg"),
        }

    def algorithm(self) -> Any:
        """Return what DICOM says of the algorithm that made the map."""
        from highdicom import AlgorithmIdentificationSequence

        return AlgorithmIdentificationSequence(
            name=f"breastseg {self.model}"[:64],
            family=coded(ALGORITHM),
            version=version("breastseg"),
            source=MANUFACTURER,
        )

    def save(self, dataset: Any, path: Path) -> None:
        """Write an object, dated by the map: the same map gives the same bytes."""
        # highdicom draws this UID by lot, and both sequences must name the same.
        organization = self.uid(f"dimensions {dataset.SOPInstanceUID}")
        for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
            for item in dataset.get(keyword) or ():
                item.DimensionOrganizationUID = organization
        # It also dates everything by the clock.
        date, time = self.when.strftime("%Y%m%d"), self.when.strftime("%H%M%S")
        for dated in _with_contributions(dataset):
            for keyword in _DATES:
                if keyword in dated:
                    setattr(dated, keyword, date)
            for keyword in _TIMES:
                if keyword in dated:
                    setattr(dated, keyword, time)
            if "ContributionDateTime" in dated:
                dated.ContributionDateTime = date + time
        with written(path) as temporary:
            dataset.save_as(temporary)


@contextmanager
def built_for(path: Path) -> Iterator[None]:
    """Turn what highdicom refuses of a slide's header into an ImageError that names the file which
    was to be written, and keep its warnings quiet: they are of the slide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except BreastsegError:
            raise
        except (ValueError, TypeError, AttributeError, LookupError) as cause:
            raise ImageError(
                f"{path}: cannot be written, the slide's DICOM header does not fit"
                f" ({in_short(cause)}); export the slide again"
            ) from cause


def _with_contributions(dataset: Any) -> Iterator[Any]:
    """Yield an object, and its records of the programs that took part, which have dates too."""
    yield dataset
    yield from dataset.get("ContributingEquipmentSequence") or ()


def display_color(color: tuple[int, int, int]) -> Any:
    """Return a class's colour as DICOM has it: CIELab."""
    from highdicom.color import CIELabColor

    return CIELabColor.from_rgb(*color)
