"""What names in BCSS tell: hospitals."""

OFFICIAL_TEST_SITES = ("OL", "LL", "E2", "EW", "GM", "S3")
"""BCSS's official test hospitals: 45 regions; the other 106 train. There is no official validation
set."""
