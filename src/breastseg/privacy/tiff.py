"""One TIFF slide: looked at, copied without what tells of a person, and the copy checked."""

from pathlib import Path

from breastseg.errors import ImageError
from breastseg.privacy.findings import Finding, Level, check_same
from breastseg.privacy.tiff_copy import check_apart, write_copy
from breastseg.privacy.tiff_form import TiffFileForm
from breastseg.privacy.tiff_plan import plan_tiff
from breastseg.privacy.tiff_proof import directories_of, prove_tiff


def look_at_tiff(path: Path) -> list[Finding]:
    """Return what a TIFF slide gives away; ImageError when it is not understood."""
    with path.open("rb") as file:
        return plan_tiff(TiffFileForm(path, file)).findings


def copy_tiff(path: Path, out: Path) -> tuple[list[Finding], list[Level]]:
    """Copy a TIFF slide to `out`, read the copy again and compare every tile.

    Returns:
        What was removed, and the proof of the pixels.

    Raises:
        ImageError: not understood, damaged, or the copy is not as it should be.
    """
    with path.open("rb") as file:
        tiff = TiffFileForm(path, file)
        plan = plan_tiff(tiff)
        if plan.flavour == "ndpi" and path.suffix.lower() != ".ndpi":
            raise ImageError(f"{path}: an NDPI by another name; call it NAME.ndpi")
        check_apart(tiff, plan)
        places = [directory.place for directory in plan.all_kept()]
        before = prove_tiff(path, places)
        write_copy(tiff, plan, out)
    after = prove_tiff(out, places)
    check_same(before, after, str(path))
    # The proof looks at directories whose place is known; none may lie elsewhere.
    if sorted(directories_of(out)) != sorted(places):
        raise ImageError(f"{path}: the copy does not have the images that were to stay; report it")
    return plan.findings, after
