"""A report as a DICOM structured report (TID 1500, Comprehensive SR), by highdicom; imported only
when asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breastseg.errors import InputError, MissingPackageError
from breastseg.files import written
from breastseg.images.dicom_headers import uids_from
from breastseg.mammography.dicom_identity import identity_of
from breastseg.mammography.reports.codes import CONCEPTS, triple
from breastseg.mammography.reports.record import as_json
from breastseg.mammography.reports.values import Finding, Report

_WORDS = (
    "certainty",
    "shape",
    "margin",
    "opacity",
    "morphology",
    "distribution",
    "form",
    "quadrant",
    "depth",
    "change",
)
_SIZES = ("size_mm", "earlier_size_mm")
_MAMMOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1.2", "1.2.840.10008.5.1.4.1.1.1.2.1")
"""SOP classes of digital mammograms: for presentation, for processing."""


def write_sr(path: Path, report: Report, films: Sequence[str | Path]) -> None:
    """Write a report as a TID 1500 structured report.

    It belongs to the patient and the study of the films, which it names as evidence: viewers open
    no report without. Nothing else of their headers is in it. It is marked as partial and
    unverified. UIDs depend on the report and the films alone.

    Args:
        path: the file to write, .dcm.
        report: what was read.
        films: DICOM mammograms of the examination, at least one, all of one study.

    Raises:
        MissingPackageError: highdicom is not installed.
        InputError: no film, a file that is no DICOM mammogram, or films of several studies.
        ImageError: a film without UIDs.
    """
    try:
        from highdicom.sr import ComprehensiveSR
        from pydicom.uid import generate_uid  # noqa: F401  (the package is looked for here, once)
    except ImportError as cause:
        raise MissingPackageError(
            f"a DICOM structured report: {cause.name or cause} is not installed; pip install "
            f"'breastseg[dicom]'"
        ) from None
    evidence = _films(films)
    # Sorted: the same films in another order make the same document.
    instances = sorted(str(film.SOPInstanceUID) for film in evidence)
    uid = uids_from((repr(as_json(report)), *instances))
    document = ComprehensiveSR(
        evidence=evidence,
        content=_content(report, uid, evidence)[0],
        series_instance_uid=uid("series"),
        series_number=1,
        sop_instance_uid=uid("instance"),
        instance_number=1,
        manufacturer="breastseg",
        is_complete=False,
        is_final=False,
        is_verified=False,
    )
    with written(path) as unfinished:
        document.save_as(unfinished)


def _films(films: Sequence[str | Path]) -> list[Any]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    if not films:
        raise InputError(
            "a structured report without films: wanted at least one DICOM mammogram of the "
            "examination"
        )
    identities = []
    for film in films:
        try:
            dataset = dcmread(film, stop_before_pixels=True)
        except FileNotFoundError:
            raise InputError(
                f"{film}: not found, wanted a DICOM mammogram of the examination"
            ) from None
        except (InvalidDicomError, OSError) as cause:
            raise InputError(
                f"{film}: no DICOM file ({cause}), wanted a mammogram of the examination"
            ) from None
        if dataset.get("SOPClassUID") not in _MAMMOGRAPHY:
            raise InputError(
                f"{film}: DICOM, but no digital mammogram; give the films of the examination"
            )
        identities.append(identity_of(dataset, str(film)))
    examinations = set()
    for identity in identities:
        examinations.add((identity.get("StudyInstanceUID"), identity.get("PatientID")))
    if len(examinations) > 1:
        raise InputError(
            "the films are of several studies or patients; give those of the examination that the "
            "report is of"
        )
    return identities


def _coded(code: tuple[str, str, str]) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(*code)


def _content(report: Report, uid: Any, evidence: list[Any]) -> Any:
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    device = DeviceObserverIdentifyingAttributes(
        uid=uid("observer"), name="breastseg mammo report", manufacturer_name="breastseg"
    )
    observer = ObserverContext(
        observer_type=codes.DCM.Device, observer_identifying_attributes=device
    )
    groups = [_overall(report, uid, evidence)]
    for number, finding in enumerate(report.findings, start=1):
        groups.append(_group(finding, number, uid))
    return MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=_coded(CONCEPTS["procedure"]),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )


def _overall(report: Report, uid: Any, evidence: list[Any]) -> Any:
    """Return the group of the whole examination: category, density, advice; it points to the
    films."""
    from highdicom.sr import (
        MeasurementsAndQualitativeEvaluations,
        SourceImageForMeasurementGroup,
        TrackingIdentifier,
    )

    evaluations = []
    if report.category is not None:
        evaluations.append(_evaluation("category", report.category.value.value))
    # Each value once, also where two sentences say it.
    for density in dict.fromkeys(density.value.value for density in report.densities):
        evaluations.append(_evaluation("density", density))
    months = []
    for advice in report.recommendations:
        evaluations.append(_evaluation("recommendation", advice.kind.value))
        if advice.months:
            months.append(_measurement("months", advice.months.value, "mo", "month"))
    images = []
    for film in evidence:
        images.append(SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID))
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid("examination"), identifier="examination"),
        finding_type=_coded(CONCEPTS["overall"]),
        source_images=images,
        measurements=months or None,
        qualitative_evaluations=evaluations or None,
    )


def _group(finding: Finding, number: int, uid: Any) -> Any:
    """Return the group of one finding: what it is, where, how large."""
    from highdicom.sr import FindingSite, MeasurementsAndQualitativeEvaluations, TrackingIdentifier

    evaluations = []
    for name in _WORDS:
        word = getattr(finding, name)
        if word is not None:
            evaluations.append(_evaluation(name, word.value))
    if finding.clock is not None:
        hour = int(finding.clock.value + 0.5)  # there are codes of whole hours only
        evaluations.append(_evaluation("clock", str(hour if hour <= 12 else 1)))
    measured = []
    for name in _SIZES:
        size = getattr(finding, name)
        if size is None:
            continue
        for extent in size.mm:
            measured.append(_measurement(name, extent, "mm", "millimeter"))
    if finding.from_nipple_mm is not None:
        distance = finding.from_nipple_mm.value
        measured.append(_measurement("from_nipple_mm", distance, "mm", "millimeter"))
    laterality = None
    if finding.side is not None:
        laterality = _coded(triple("side", finding.side.value))
    # Its place in the text: whoever reads the document can look it up.
    places = f"finding {number}, characters {finding.kind.start}-{finding.kind.end}"
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(uid=uid(f"finding {number}"), identifier=places),
        finding_type=_coded(triple("kind", finding.kind.value)),
        finding_sites=[FindingSite(_coded(CONCEPTS["breast"]), laterality=laterality)],
        measurements=measured or None,
        qualitative_evaluations=evaluations or None,
    )


def _evaluation(field: str, value: str) -> Any:
    from highdicom.sr import QualitativeEvaluation

    return QualitativeEvaluation(_coded(CONCEPTS[field]), _coded(triple(field, value)))


def _measurement(field: str, value: float, unit: str, meaning: str) -> Any:
    from highdicom.sr import Measurement

    return Measurement(_coded(CONCEPTS[field]), value, _coded((unit, "UCUM", meaning)))
