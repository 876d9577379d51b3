from breastseg.report.measures import words_of


def test_measures_have_words_and_units() -> None:
    assert words_of("blood_vessel_mm2") == ("blood vessel", "mm²")
    assert words_of("tumor_percent") == ("tumor", "%")
    assert words_of("nest_count") == ("Tumor nests", "")
    assert words_of("odd") == ("odd", "")
