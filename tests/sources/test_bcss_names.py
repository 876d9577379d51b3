"""The official test hospitals of BCSS: of its release, and 45 of its regions."""

from breastseg.sources.bcss.names import OFFICIAL_TEST_SITES
from breastseg.sources.bcss.release import release_regions


def test_official_test_hospitals_are_of_the_release() -> None:
    sites = [region.site for region in release_regions()]
    assert set(OFFICIAL_TEST_SITES) < set(sites)
    assert len(set(OFFICIAL_TEST_SITES)) == len(OFFICIAL_TEST_SITES) == 6
    assert sum(site in OFFICIAL_TEST_SITES for site in sites) == 45
