"""OME-XML: what readers need of the first image is written again, all else is left out."""

import pytest

from breastseg.errors import ImageError
from breastseg.privacy.ome_text import ifds_of, images_of, parse_ome, removed_of, write_first

SPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
PIXELS = (
    '<Pixels ID="Pixels:S09-1234" DimensionOrder="XYCZT" Type="uint8" SizeX="320" SizeY="256"'
    ' SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="0.5" PhysicalSizeXUnit="µm" Miller="yes">'
    '<Channel ID="Channel:0:7" SamplesPerPixel="3" Name="of Miller"/>'
    '<TiffData IFD="0" PlaneCount="1"><UUID FileName="Miller.tif">urn:uuid:1</UUID></TiffData>'
    '<Plane TheZ="0" DeltaT="5"/></Pixels>'
)


def ome(inside: str) -> str:
    return f'<OME xmlns="{SPACE}" Creator="of Miller">{inside}</OME>'


WHOLE = ome(
    f'<Image ID="Image:0" Name="S09-1234"><AcquisitionDate>2009-12-29</AcquisitionDate>'
    f'{PIXELS}</Image><Image ID="Image:1" Name="label">{PIXELS}</Image>'
)


def test_the_first_picture_is_written_with_what_says_how_to_read_it() -> None:
    text = write_first(parse_ome(WHOLE, "x"))
    for told in ("Miller", "S09", "2009", "label", "urn:uuid", "DeltaT"):
        assert told not in text
    again = parse_ome(text, "x")
    [image] = images_of(again)
    [pixels] = image
    assert pixels.attrib == {
        "ID": "Pixels:0",
        "DimensionOrder": "XYCZT",
        "Type": "uint8",
        "SizeX": "320",
        "SizeY": "256",
        "SizeC": "3",
        "SizeZ": "1",
        "SizeT": "1",
        "PhysicalSizeX": "0.5",
        "PhysicalSizeXUnit": "µm",
    }
    channel, data = pixels
    assert channel.attrib == {"ID": "Channel:0:0", "SamplesPerPixel": "3"}
    assert data.attrib == {"IFD": "0", "PlaneCount": "1"}
    assert len(data) == 0


def test_what_was_cleaned_gives_nothing_more_away() -> None:
    assert removed_of(parse_ome(write_first(parse_ome(WHOLE, "x")), "x"), "x") == []


def test_what_goes_is_told_once_each_and_without_unknown_names() -> None:
    found = removed_of(parse_ome(WHOLE, "x"), "image 0")
    told = {(one.tag, one.kind) for one in found}
    assert ("OME-XML AcquisitionDate", "date") in told
    assert ("OME-XML UUID", "identifier") in told
    assert ("OME-XML (a part that is not known)", "unknown") in told
    assert "Miller" not in repr(found)
    assert len(found) == len(set(found))


def test_a_value_of_another_form_is_left_out_though_its_name_stays() -> None:
    odd = PIXELS.replace('SizeX="320"', 'SizeX="Miller"')
    [pixels] = images_of(parse_ome(write_first(parse_ome(ome(f"<Image>{odd}</Image>"), "x")), "x"))[
        0
    ]
    assert "SizeX" not in pixels.attrib


@pytest.mark.parametrize(
    "text",
    ["", "<OME", "<OME/>", "<a/>", f'<!DOCTYPE a [<!ENTITY b "c">]><OME xmlns="{SPACE}"/>'],
)
def test_what_is_no_ome_xml_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match=r"a\.tif: "):
        parse_ome(text, "a.tif")


@pytest.mark.parametrize(
    ("data", "ifds"),
    [
        ('<TiffData IFD="2" PlaneCount="3"/>', [2, 3, 4]),
        ("<TiffData/>", [0]),
        ('<TiffData IFD="1"/><TiffData IFD="0"/>', [1, 0]),
    ],
)
def test_a_picture_says_which_directories_are_its_own(data: str, ifds: list[int]) -> None:
    [image] = images_of(parse_ome(ome(f"<Image><Pixels>{data}</Pixels></Image>"), "x"))
    assert ifds_of(image, "x") == ifds


@pytest.mark.parametrize(
    "data", ["", '<TiffData IFD="-1"/>', '<TiffData IFD="x"/>', '<TiffData PlaneCount="9999"/>']
)
def test_a_picture_that_does_not_say_it_is_refused(data: str) -> None:
    [image] = images_of(parse_ome(ome(f"<Image><Pixels>{data}</Pixels></Image>"), "x"))
    with pytest.raises(ImageError, match=r"a\.tif: its OME-XML"):
        ifds_of(image, "a.tif")
