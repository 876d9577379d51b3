"""Films of a folder -> a row a breast: its area, its bright share, and the density proposed."""

from collections.abc import Mapping, Sequence
from typing import Any

from breastseg.json_files import JsonObject
from breastseg.mammography.density import category_of

TABLE = "breasts.csv"
COLUMNS = (
    "patient",
    "laterality",
    "films",
    "films_with_share",
    "breast_mm2",
    "fibroglandular_share",
    "least_share",
    "most_share",
    "density_proposed",
    "density_also",
    "patient_density_proposed",
    "patient_density_also",
)


def breast_rows(records: Sequence[Mapping[str, Any]]) -> list[JsonObject]:
    """Return the rows of breasts.csv.

    A breast has the mean of its films that have a number. A patient has the category of the denser
    breast, as readers judge. Films without a patient or a side are left out.

    Args:
        records: of prepared films.
    """
    breasts: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["patient"] and record["laterality"]:
            breasts.setdefault((record["patient"], record["laterality"]), []).append(record)
    rows = []
    for (patient, laterality), films in sorted(breasts.items()):
        rows.append(_row(patient, laterality, films))
    densest: dict[str, float] = {}
    for row in rows:
        share = row["fibroglandular_share"]
        patient = row["patient"]
        if share is not None:
            densest[patient] = max(share, densest.get(patient, 0.0))
    for row in rows:
        # NaN has no category: no film of the patient has a share.
        category, also = category_of(densest.get(row["patient"], float("nan")))
        row["patient_density_proposed"] = category
        row["patient_density_also"] = also
    return rows


def _row(patient: str, laterality: str, films: Sequence[Mapping[str, Any]]) -> JsonObject:
    """Return the row of a breast from the records of its films."""
    shares = []
    areas = []
    for film in films:
        if film.get("fibroglandular_share") is not None:
            shares.append(film["fibroglandular_share"])
        if film["breast_mm2"] is not None:
            areas.append(film["breast_mm2"])
    mean = sum(shares) / len(shares) if shares else None
    category, also = category_of(float("nan") if mean is None else mean)
    return {
        "patient": patient,
        "laterality": laterality,
        "films": len(films),
        "films_with_share": len(shares),
        "breast_mm2": round(sum(areas) / len(areas), 1) if areas else None,
        "fibroglandular_share": None if mean is None else round(mean, 4),
        "least_share": min(shares, default=None),
        "most_share": max(shares, default=None),
        "density_proposed": category,
        "density_also": also,
    }
