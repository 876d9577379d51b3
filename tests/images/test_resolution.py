"""Microns per pixel: every place where they may be written, the order of belief, and what is said
when nothing can be believed."""

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError, MppError
from breastseg.images import open_slide
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide
from breastseg.images.resolution import (
    Clue,
    find_mpp,
    objective_clue,
    tiff_clues,
    with_unit,
    written_mpp,
)
from slide_files import TILES, write_ome, write_scn, write_svs, write_tiled, write_zarr

PICTURE = np.full((64, 64, 3), 200, np.uint8)
SVS = Path("slide.svs")


def found(path: Path, mpp: float | None = None) -> tuple[float, str]:
    with closing(open_slide(path, mpp=mpp)) as slide:
        return slide.mpp, slide.mpp_source


def test_what_a_person_gave_goes_over_all() -> None:
    assert find_mpp(SVS, 0.3, [Clue("A", (0.25, 0.25))]) == (0.3, "given")
    assert find_mpp(SVS, 0.3, [Clue("A", (0.25, 0.5))]) == (0.3, "given")
    with pytest.raises(MppError, match=r"--mpp: 30 um/px, wanted 0\.05 to 20"):
        find_mpp(SVS, 30, [Clue("A", (0.25, 0.25))])


def test_the_first_that_can_be_true_is_believed() -> None:
    clues = [Clue("A"), Clue("B", (352.8, 352.8)), Clue("C", (0.25, 0.251)), Clue("D", (0.5, 0.5))]
    assert find_mpp(SVS, None, clues) == (pytest.approx(0.2505), "C")


def test_when_nothing_is_found_every_place_is_listed() -> None:
    clues = [
        Clue("A"),
        Clue("B", (352.8, 352.8)),
        Clue("C", found="abc"),
        Clue("D", (0.25, 0.0)),
        Clue("E", (float("nan"),) * 2),
    ]
    wanted = (
        r"^slide\.svs: no microns per pixel \(looked at --mpp; A: not there; B: 352\.8 um/px, which"
        r" no scan has; C: abc; "
        r"D: 0\.25 x 0 um/px, which no scan has; E: .*, which no scan has\); give --mpp, as in"
        r" --mpp 0\.25 for a 40x scan$"
    )
    with pytest.raises(MppError, match=wanted):
        find_mpp(SVS, None, clues)


def test_pixels_that_are_not_square_are_refused() -> None:
    assert find_mpp(SVS, None, [Clue("A", (0.25, 0.252))])[0] == pytest.approx(0.251)
    with pytest.raises(
        MppError,
        match=(r"slide\.svs: pixels of 0\.25 x 0\.26 um \(A\), .*--mpp"),
    ):
        find_mpp(SVS, None, [Clue("A", (0.25, 0.26)), Clue("B", (0.25, 0.25))])


@pytest.mark.parametrize(("power", "mpp"), [("40", 0.25), ("20.0", 0.5), ("10", 1.0), ("5", 2.0)])
def test_the_table_of_objectives(power: str, mpp: float) -> None:
    clue = objective_clue(power)
    assert clue.mpp == (mpp, mpp)
    assert (
        clue.place
        == f"objective power {float(power):g}x, by the table 40x = 0.25, 20x = 0.5, 10x = 1, 5x = 2"
    )


@pytest.mark.parametrize("power", ["63", "0", "forty"])
def test_no_other_objective_is_guessed_at(power: str) -> None:
    clue = objective_clue(power)
    assert (clue.mpp, clue.found) == (
        None,
        f"{power}, of which the table says nothing (40x = 0.25, 20x = 0.5, 10x = 1, 5x = 2)",
    )
    assert objective_clue(None).found == "not there"


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("µm", 1),
        ("μm", 1),
        ("micrometer", 1),
        ("nm", 0.001),
        ("mm", 1000),
        ("cm", 10_000),
        ("Å", 0.0001),
    ],
)
def test_units_of_length(unit: str, factor: float) -> None:
    assert with_unit("A", 0.25, 0.5, (unit, unit)).mpp == pytest.approx(
        (0.25 * factor, 0.5 * factor)
    )


def test_what_is_no_length_is_told_and_not_used() -> None:
    assert with_unit("A", 1, 1, ("pixel", "pixel")) == Clue("A", found="1 pixel x 1 pixel")
    assert with_unit("A", 1, 1, (None, None)) == Clue("A", found="1 x 1 without a unit of length")
    assert written_mpp("A", "N/A", "N/A") == Clue("A", found="N/A x N/A")
    assert tiff_clues(1, 1, 1) == [Clue("TIFF resolution tags", found="1 per unit 1")]
    assert tiff_clues(None, None, None) == [Clue("TIFF resolution tags")]


def test_aperios_own_value_goes_over_tags_and_objective(tmp_path: Path) -> None:
    assert found(write_svs(tmp_path / "a.svs", [PICTURE], "|AppMag = 20|MPP = 0.2527")) == (
        0.2527,
        "Aperio's MPP",
    )
    mpp, source = found(write_svs(tmp_path / "b.svs", [PICTURE], "|AppMag = 20"))
    assert (mpp, source.split(",")[0]) == (0.5, "objective power 20x")
    with pytest.raises(
        MppError,
        match=(r"Aperio's MPP: 0 um/px.*: 1 per unit 1; .*power: 60"),
    ):
        found(write_svs(tmp_path / "c.svs", [PICTURE], "|AppMag = 60|MPP = 0.0"))


@pytest.mark.parametrize("said", ["|AppMag = 20|MPP = 0.2527", "|AppMag = 20"])
def test_both_readers_of_svs_find_the_same(tmp_path: Path, said: str) -> None:
    path = write_svs(tmp_path / "a.svs", [PICTURE], said)
    with closing(TiffSlide(path)) as one, closing(VendorSlide(path)) as other:
        assert one.mpp == other.mpp


def test_the_scanners_own_goes_over_the_tags_in_openslide(tmp_path: Path) -> None:
    path = write_svs(tmp_path / "a.svs", [PICTURE], "|AppMag = 20|MPP = 0.2527")
    with closing(VendorSlide(path)) as slide:
        assert (slide.mpp, slide.mpp_source) == (0.2527, "openslide.mpp-x and -y")
    with pytest.raises(
        MppError,
        match=(r"--mpp; openslide\.mpp-x and -y: not there; .*: 1 per unit 1"),
    ):
        VendorSlide(write_svs(tmp_path / "b.svs", [PICTURE], ""))
    mpp, source = found(write_scn(tmp_path / "c.scn", [PICTURE]))
    assert (mpp, source.split(",")[0]) == (0.5, "objective power 20x")


def test_tags_of_tiled_pyramids(tmp_path: Path) -> None:
    assert found(
        write_tiled(tmp_path / "a.tif", [PICTURE] * 1, per_cm=(40_000, 40_000), tile=None), 0.3
    ) == (0.3, "given")
    path = write_tiled(
        tmp_path / "b.tif",
        [PICTURE.repeat(4, axis=0), PICTURE.repeat(2, axis=0)[:, :32]],
        per_cm=(20_000, 20_000),
    )
    assert found(path) == (0.5, "TIFF resolution tags")
    with pytest.raises(
        MppError,
        match=r"c\.tif: pixels of 0\.5 x 0\.25 um \(TIFF resolution tags\)",
    ):
        found(write_tiled(tmp_path / "c.tif", [PICTURE], per_cm=(20_000, 40_000)))


def test_ome_goes_over_the_tags(tmp_path: Path) -> None:
    assert found(write_ome(tmp_path / "a.ome.tif", [PICTURE])) == (0.25, "OME PhysicalSizeX and Y")
    assert found(
        write_ome(
            tmp_path / "b.ome.tif",
            [PICTURE],
            PhysicalSizeX=0.5,
            PhysicalSizeXUnit="µm",
            PhysicalSizeY=0.5,
            PhysicalSizeYUnit="µm",
        )
    ) == (0.5, "OME PhysicalSizeX and Y")
    with pytest.raises(MppError, match="OME PhysicalSizeX and Y: 1 pixel x 1 pixel; TIFF"):
        found(
            write_ome(
                tmp_path / "c.ome.tif",
                [PICTURE],
                PhysicalSizeX=1,
                PhysicalSizeXUnit="pixel",
                PhysicalSizeY=1,
                PhysicalSizeYUnit="pixel",
            )
        )
    with TiffWriter(tmp_path / "d.ome.tif", ome=True) as writer:
        writer.write(
            PICTURE,
            **{**TILES, "metadata": {"axes": "YXS"}},
            resolution=(40_000, 40_000),
            resolutionunit=3,
        )
    assert found(tmp_path / "d.ome.tif") == (0.25, "TIFF resolution tags")


def test_zarr_needs_a_unit(tmp_path: Path) -> None:
    assert found(write_zarr(tmp_path / "a.zarr", [PICTURE])) == (0.25, "OME-Zarr scale")
    assert found(write_zarr(tmp_path / "b.zarr", [PICTURE], unit="millimeter"), 0.5) == (
        0.5,
        "given",
    )
    with pytest.raises(MppError, match=r"OME-Zarr scale: 250 um/px, which no scan has\)"):
        found(write_zarr(tmp_path / "c.zarr", [PICTURE], unit="millimeter"))
    with pytest.raises(MppError, match=r"OME-Zarr scale: 0\.25 x 0\.25 without a unit of length\)"):
        found(write_zarr(tmp_path / "d.zarr", [PICTURE], unit=None))


def test_imagej_writes_the_unit_into_the_description(tmp_path: Path) -> None:
    """As QuPath exports a field: pixels per micron, and a unit that the TIFF tags do not know."""
    for unit in ("micron", "um", "\\u00B5m"):
        with TiffWriter(tmp_path / "a.tif", imagej=True) as writer:
            writer.write(PICTURE, resolution=(4.0, 4.0), metadata={"unit": unit})
        assert found(tmp_path / "a.tif") == (0.25, "ImageJ's unit")
    with TiffWriter(tmp_path / "a.tif", imagej=True) as writer:
        writer.write(PICTURE, resolution=(4.0, 4.0), metadata={"unit": "pixel"})
    with pytest.raises(
        MppError,
        match=r"4 per unit 1; ImageJ's unit: 0\.25 pixel x 0\.25 pixel\)",
    ):
        found(tmp_path / "a.tif")


def test_flat_tiffs_of_two_resolutions_are_refused(tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(
        tmp_path / "a.tif", tiffinfo={282: 40_000.0, 283: 20_000.0, 296: 3}
    )
    with pytest.raises(
        MppError, match=r"a\.tif: pixels of 0\.25 x 0\.5 um \(TIFF resolution tags\)"
    ):
        found(tmp_path / "a.tif")


def test_a_tiff_that_declares_more_than_it_has(tmp_path: Path) -> None:
    path = write_tiled(tmp_path / "a.tif", [PICTURE.repeat(2, axis=0), PICTURE])
    with TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags["ImageWidth"].overwrite(2_000_000)
    with pytest.raises(
        ImageError,
        match=(r"a\.tif: cut short or damaged \(fewer tiles"),
    ):
        found(path)
