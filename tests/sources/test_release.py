"""The release of BCSS: its 151 regions by its own tables."""

from breastseg.sources.bcss.release import release_regions


def test_the_release_is_what_its_paper_says() -> None:
    regions = release_regions()
    assert (
        len(regions)
        == len({r.patient for r in regions})
        == len({r.place_name for r in regions})
        == len({r.item for r in regions})
        == 151
    )
    assert len({r.site for r in regions}) == 21
    assert sum(r.site in {"OL", "LL", "E2", "EW", "GM", "S3"} for r in regions) == 45
    assert {r.magnification for r in regions} == {20.0, 40.0}
    assert all(r.mask_file.isdecimal() and len(r.item) == 24 for r in regions)


def test_names_of_files_tell_slide_patient_and_hospital() -> None:
    region = next(r for r in release_regions() if r.slide == "TCGA-A2-A0D2-DX1")
    assert (region.patient, region.site) == ("TCGA-A2-A0D2", "A2")
    assert region.place_name == "TCGA-A2-A0D2-DX1_xmin96887_ymin22299"
    assert [r.slide for r in release_regions()] == sorted(r.slide for r in release_regions())
    assert all(min(r.size_px) > 0 for r in release_regions())
