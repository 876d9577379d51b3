"""ASAP XML as its program writes it."""

from collections.abc import Iterable
from pathlib import Path

SQUARE = ((10, 10), (50, 10), (50, 50), (10, 50))


def annotation(
    places: Iterable[tuple[float, float]], group: str = "Tumor", kind: str = "Polygon"
) -> str:
    corners = "".join(
        f'<Coordinate Order="{order}" X="{x}" Y="{y}"/>' for order, (x, y) in enumerate(places)
    )
    return (
        f'<Annotation Name="a" Type="{kind}" PartOfGroup="{group}" Color="#F4FA58">'
        f"<Coordinates>{corners}</Coordinates></Annotation>"
    )


def asap(path: Path, *annotations: str, head: str = '<?xml version="1.0"?>') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{head}<ASAP_Annotations><Annotations>{''.join(annotations)}</Annotations>"
        '<AnnotationGroups><Group Name="Tumor" PartOfGroup="None" Color="#64FE2E"><Attributes/>'
        "</Group></AnnotationGroups></ASAP_Annotations>"
    )
    return path
