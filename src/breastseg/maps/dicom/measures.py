"""The measures of a map as a structured report, TID 1500 (Comprehensive SR)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from breastseg.labels import LabelMap
from breastseg.maps.dicom.codes import (
    AREA,
    BREAST,
    TISSUE,
    Code,
    class_codes,
    coded,
    own_code,
    unit_of,
)
from breastseg.maps.dicom.made import MANUFACTURER, Making, built_for
from breastseg.maps.dicom.source import DicomSlide

_SERIES = 9903
_PERCENT = "percent_of_analysed"
_PROCEDURE: Code = ("tissue_map", "99BREASTSEG", "Tissue map of a slide by breastseg")


def write_measures(
    measures: Mapping[str, Any],
    label_map: LabelMap,
    slide: DicomSlide,
    path: Path,
    making: Making,
) -> int:
    """Write the measures of a slide: a group for each class (area in mm2, share), one for the whole
    slide with all others, under their names in measures.csv.

    Args:
        measures: by name, as run.json has them; one that is NaN is left out.
        label_map: names the classes.
        slide: where they belong.
        path: of the file.
        making: who made the map.

    Returns:
        how many measures were written.
    """
    from highdicom.sr import ComprehensiveSR

    values = _numbers(measures)
    level = slide.levels[0].header
    groups, count = [], 0
    with built_for(path):
        for label_class in label_map.classes:
            name = label_class.name
            # Taken out of `values`: what is left over belongs to the whole slide.
            area, share = values.pop(f"{name}_mm2", None), values.pop(f"{name}_percent", None)
            items = []
            if area is not None:
                items.append(_measurement(AREA, area, unit_of(f"{name}_mm2")))
            if share is not None:
                items.append(_measurement(own_code(_PERCENT), share, unit_of(f"{name}_percent")))
            if items:
                groups.append(_group(name, class_codes(name)[1], items, level, making))
                count += len(items)
        rest = []
        for name, value in values.items():
            unit = unit_of(name)
            # DICOM wants a unit of every number: one without (a ratio of shapes) is left out.
            if unit is not None:
                rest.append(_measurement(own_code(name), value, unit))
        groups.append(_group("slide", TISSUE, rest, level, making))
        # Neither final nor verified: nobody has looked at it, and it is for research.
        report = ComprehensiveSR(
            evidence=[level],
            content=_content(groups, making),
            series_instance_uid=making.uid("series of measures"),
            series_number=_SERIES,
            sop_instance_uid=making.uid("measures"),
            instance_number=1,
            manufacturer=MANUFACTURER,
            is_complete=True,
            is_final=False,
            is_verified=False,
            series_description="breastseg: measures, research use only",
        )
        making.save(report, path)
    return count + len(rest)


def _numbers(measures: Mapping[str, Any]) -> dict[str, float]:
    """Return the measures that are numbers; the slide's name and NaN are none."""
    numbers = {}
    for name, value in measures.items():
        if isinstance(value, (int, float)) and value == value:
            numbers[name] = float(value)
    return numbers


def _measurement(name: Code, value: float, unit: Code | None) -> Any:
    from highdicom.sr import Measurement

    assert unit is not None  # names end in one, the caller looked
    return Measurement(coded(name), value, coded(unit))


def _group(name: str, finding: Code, items: list[Any], level: Any, making: Making) -> Any:
    from highdicom.sr import (
        FindingSite,
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )

    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=making.uid(f"measures {name}"), identifier=name),
        finding_type=coded(finding),
        finding_sites=[FindingSite(coded(BREAST))],
        source_images=[SourceImageForMeasurementGroup(level.SOPClassUID, level.SOPInstanceUID)],
        measurements=items or None,
    )


def _content(groups: list[Any], making: Making) -> Any:
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=making.uid("observer"),
        name=f"breastseg {making.model}"[:64],
        manufacturer_name=MANUFACTURER,
    )
    observer = ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=coded(_PROCEDURE),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )[0]
