"""Our own JSON, label maps, cards, counts and checkpoints after something has changed them: one
line, and never another value."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.bundles.card import Card
from breastseg.errors import ImageError, InputError, LabelError, ModelError, MppError, OutputError
from breastseg.geometry import Box, box_within, check_mpp, parse_box
from breastseg.json_files import number_in, read_json, shown, text_of, whole_in
from breastseg.labels import BUILT_IN, LabelMap, load_label_map
from breastseg.maps.files.label_tiff import read_overview, write_label_tiff
from breastseg.maps.raster import Raster
from breastseg.report.audit import write_audit_page
from breastseg.studies.inflation.inflation import read_counts


def test_an_error_is_one_line_whatever_stands_in_it() -> None:
    """Names of files and columns stand in messages: one of a million letters, or half a letter,
    ended in a traceback of print()."""
    assert str(InputError("a\nb\udc80\u2028: wanted c")) == "a\\nb\\udc80\\u2028: wanted c"
    assert str(InputError("é 切片\u3000: wanted c")) == "é 切片\u3000: wanted c"
    long = str(InputError("a" * 10**6 + ": rename it"))
    assert len(long) < 2100
    assert long.endswith("aaa: rename it")
    assert len(str(InputError("\x00" * 10**6))) < 2100


def refused(path: Path, data: bytes | str) -> str:
    """Return the line that a file of this content is refused with."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError) as caught:
        read_json(path, InputError, "a note")
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("wanted a note")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("[" * 100_000, "nested too deeply"),  # a RecursionError
        (
            "[" * 65 + "]" * 65,
            "nested too deeply",
        ),  # read by Python, but not written again by it a few times as deep
        ("[" + "9" * 5000 + "]", "has more than 64 bits"),  # a ValueError of int() itself
        ("18446744073709551616", "has more than 64 bits"),
        ("-9223372036854775809", "has more than 64 bits"),
        ("1e400", "the number 1e400 is too large"),
        ("[Infinity]", "Infinity is no number"),
        ('{"a": 1, "a": 2}', "'a' stands twice in one object"),
        ('"\\ud800"', "a letter in it is half of one"),  # cannot be written or printed
        ('{"a": 1', "not JSON"),
        ("", "not JSON"),
        (b"\x00" * 40, "not JSON"),
        ('{"a": "é"}'.encode("latin-1"), "not JSON"),
        ('{"a\nb": 1, "a\nb": 1}', "not JSON"),
    ],
)
def test_json_that_breaks_what_reads_it_is_refused_in_one_line(
    tmp_path: Path, data: bytes | str, said: str
) -> None:
    assert said in refused(tmp_path / "a.json", data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_is_read_in_every_encoding_that_json_has(tmp_path: Path, encoding: str) -> None:
    """Notepad and PowerShell write a byte order mark or UTF-16."""
    (tmp_path / "a.json").write_bytes(
        '{\t"é": [1, 18446744073709551615, 0.5, "\\ud83d\\ude00"]}'.encode(encoding)
    )
    assert read_json(tmp_path / "a.json", InputError, "a note") == {"é": [1, 2**64 - 1, 0.5, "😀"]}


def test_a_score_without_support_stays_nan(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[NaN]")
    assert np.isnan(read_json(tmp_path / "a.json", InputError, "a note")).all()


def test_a_huge_file_and_a_folder_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(" " * 2000)
    with pytest.raises(InputError, match=r"a\.json: more than 0\.000953674 MB, wanted a note"):
        read_json(tmp_path / "a.json", InputError, "a note", most_bytes=1000)
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\), wanted a note"):
        read_json(tmp_path, InputError, "a note")


@pytest.mark.parametrize(
    "value", [None, True, "1", [], {}, float("nan"), float("inf"), -0.1, 1.1, 10**400]
)
def test_only_a_number_in_range_is_a_number(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a is .*, wanted a number from 0 to 1$"):
        number_in(value, 0, 1, "a")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        "x",
        "1.0",
        "01",
        "0x10",
        "1e1",
        "",
        "9" * 5000,
        [1],
        1.5,
        float("nan"),
        float("inf"),
        -1,
        11,
        10**400,
    ],
)
def test_only_a_whole_number_in_range_is_one(value: Any) -> None:
    """1.7 was read as 1, and "1e3" of YAML as a thousand by some programs and as text by others."""
    with pytest.raises(ValueError, match=r"^a is .*, wanted a whole number from 0 to 10$"):
        whole_in(value, 0, 10, "a")
    assert [whole_in(same, 0, 10, "a") for same in (7, 7.0, "7")] == [7, 7, 7]


@pytest.mark.parametrize("value", [None, 5, "", " ", "a\nb", "a\x00", "\ud800", "a" * 201, ["a"]])
def test_only_a_line_of_text_is_a_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^a is .*, wanted a line of text of up to 200 letters$"):
        text_of(value, "a")
    assert text_of("µm 切片\u3000x", "a") == "µm 切片\u3000x"


def test_any_value_is_shown_in_a_few_letters() -> None:
    deep: Any = []
    deep.append(deep)
    for value in (deep, {"a": deep}, "a" * 10**6, 10**5000, "\ud800", b"x", 1.5, None):
        assert len(shown(value)) < 60
        shown(value).encode()


YAML = "name: m\nclasses:\n- {{name: {}, color: [1, 2, 3], codes: [1]}}\n"


@pytest.mark.parametrize(
    "name",
    [
        "no",
        "yes",
        "on",
        "off",
        "n",
        "null",
        "~",
        "true",
        "1e3",
        "0x10",
        "2001-01-01",
        "1:30",
        "1_000",
        ".inf",
        "007",
    ],
)
def test_a_class_in_yaml_is_called_what_the_person_wrote(tmp_path: Path, name: str) -> None:
    """YAML's own rules made False of no, 60 times of 1:30, and a date of 2001-01-01."""
    (tmp_path / "m.yaml").write_text(YAML.format(name))
    assert load_label_map(tmp_path / "m.yaml").names == (name,)


@pytest.mark.parametrize("indent", ["\t", "\t\t", "  "])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_json_indented_by_tabs_is_json(tmp_path: Path, suffix: str, indent: str) -> None:
    """JSON is YAML, but for its tabs: read as YAML, editors' JSON was refused as "not JSON"."""
    path = tmp_path / f"m.{suffix}"
    path.write_text(json.dumps(BUILT_IN["region5"].to_dict(), indent=indent))
    assert load_label_map(path) == BUILT_IN["region5"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: m\nclasses:\n\t- name: a\n", "YAML is indented by spaces, not by tabs"),
        ("name: m\nname: n\n", r"'name' stands twice in line 2"),
        (
            "a: &a [x]\nb: *a\n",
            r"a value is named by \* that stands elsewhere, write it out in line 2",
        ),
        ("&a [*a]", "write it out"),
        ("[" * 5000, "nested too deeply|not YAML"),
        ("? [a]\n: b\n", "not YAML"),
        ("name: m\x07\n", "not YAML"),
        (" " * 100_001, "more than 100 kB"),
        (
            YAML.format("a").replace("[1]", "[0x10]"),
            r"codes of 'a' is '0x10', wanted a whole number",
        ),
        (
            YAML.format("a").replace("[1]", "[1.7]"),
            r"codes of 'a' is '1\.7', wanted a whole number",
        ),
        (YAML.format("a").replace("[1]", "'12'"), "codes of 'a' is '12', wanted a list"),
        (YAML.format("a").replace("[1]", f"[{'9' * 5000}]"), "wanted a whole number"),
        (YAML.format("''"), "name of class 1 is '', wanted a line of text"),
        (
            YAML.format("a").replace("[1, 2, 3]", "[1, 2]"),
            "color of 'a' has 2 numbers, wanted three",
        ),
    ],
)
def test_yaml_that_means_something_else_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    with pytest.raises(LabelError, match=said) as caught:
        load_label_map(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("wrong", [float("inf"), float("nan"), 1.5, True, None, "x", 10**30, [1]])
def test_a_code_or_colour_that_is_no_whole_number(wrong: Any) -> None:
    """1.5 was read as 1, true as 1; infinity was an OverflowError."""
    said = BUILT_IN["tumor"].to_dict()
    for key in ("codes", "color"):
        changed = json.loads(json.dumps(said))
        changed["classes"][0][key][0] = wrong
        with pytest.raises(LabelError, match=f"x: not a label map \\({key} of 'tumor' is "):
            LabelMap.from_dict(changed, "x")


CARD = {
    "name": "m",
    "label_map": BUILT_IN["tumor"].to_dict(),
    "mpp": 0.5,
    "tile_px": 128,
    "halo_px": 32,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "network": {},
    "version": 1,
}


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("mpp", float("inf"), "mpp is Infinity"),
        ("mpp", None, "mpp is null"),
        ("mpp", True, "mpp is true"),
        ("mpp", 10**400, "mpp is a"),
        ("tile_px", 2**62, "tile_px is"),
        ("tile_px", 128.5, "tile_px is 128.5"),
        ("tile_px", True, "tile_px is true"),
        ("mean", [0.5, float("nan"), 0.5], "mean is NaN"),
        ("mean", [0.5], "mean is a list"),
        ("std", [0.5, 0, 0.5], "std is 0"),
        ("name", "a\nb", "name is"),
        ("name", None, "name is null"),
        ("limits", "abc", "limits is 'abc'"),
        ("limits", [{}], "of limits is"),
        ("files", {"a": None}, "SHA-256 of a is null"),
        ("files", [], "files is a list"),
        ("scores", None, "scores is null"),
        ("version", float("nan"), "version is NaN"),
        ("version", "1.0", "version is"),
        ("more", 1, "'more' is no field of a card"),
    ],
)
def test_a_card_with_a_wrong_value_names_it(field: str, value: Any, said: str) -> None:
    assert Card.from_dict(CARD, "x").mpp == 0.5
    with pytest.raises(
        ModelError, match=re.escape(f"x: not a model card ({said}") if said[0] != "o" else said
    ):
        Card.from_dict({**CARD, field: value}, "x")


@pytest.mark.parametrize("mpp", [10**400, -(10**400), float("inf"), float("nan")])
def test_microns_that_are_too_large_to_be_said(mpp: float) -> None:
    with pytest.raises(MppError, match=r"x: -?(inf|nan) um/px, wanted 0\.05 to 20"):
        check_mpp(mpp, "x")


@pytest.mark.parametrize(
    "text",
    ["1e308,0,10,10um", "0,0,1e308,1e308", "inf,0,1,1", "0,0,nan,1um", "9" * 5000 + ",0,1,1"],
)
def test_a_box_beyond_all_numbers_is_none(text: str) -> None:
    """Microns near the largest number became infinity when they were turned into pixels."""
    with pytest.raises(InputError, match="wanted x,y,width,height"):
        box_within(parse_box(text), (100, 100), 0.05, "x")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        "{}",
        '{"a": 1}',
        '{"a": [[1, 2]], "b": [[1, 2]]}',
        '{"a": [[1]]}',
        '{"a": [[-1, 2]]}',
        '{"a": [[1.5, 2]]}',
        '{"a": [[NaN, 2]]}',
    ],
)
def test_counts_of_a_study_that_were_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "counts.json"
    path.write_text(text)
    with pytest.raises(
        OutputError, match=rf"counts\.json: .*; remove {path} and run the same command again"
    ):
        read_counts(path, ["a"], 1)
    path.write_text('{"a": [[1, 2]]}')
    assert read_counts(path, ["a"], 1)["a"].tolist() == [[1, 2]]


@pytest.mark.parametrize("text", ["null", "[]", "1", '{"findings": 1}'])
def test_an_audit_that_was_changed(tmp_path: Path, text: str) -> None:
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(
        InputError,
        match=r"a file there is not as breastseg audit writes it .*; audit again into a new folder",
    ):
        write_audit_page(tmp_path)


def test_a_label_image_is_read_back_or_named_as_damaged(tmp_path: Path) -> None:
    labels = np.arange(6, dtype=np.uint8).repeat(40)[None].repeat(60, axis=0)
    path = tmp_path / "labels.ome.tif"
    with Raster(tmp_path / "scratch", labels.shape[::-1]) as raster:
        raster.write(Box(0, 0, *raster.size_px), labels)
        raster.finish()
        write_label_tiff(raster, BUILT_IN["region5"], path, mpp=0.5)
    assert np.array_equal(read_overview(path), labels)
    whole = path.read_bytes()
    for part in (b"", whole[:8], whole[: len(whole) // 2], b"II*\0" + b"\xff" * 50):
        path.write_bytes(part)
        with pytest.raises(
            ImageError,
            match=(
                r"labels\.ome\.tif: cut short or damaged .*; (make the map|copy or export it) again"
            ),
        ):
            read_overview(path)
    path.unlink()
    with pytest.raises(ImageError, match="not found; make the map again"):
        read_overview(path)


def test_a_checkpoint_with_a_flipped_bit_is_not_gone_on_with(tmp_path: Path) -> None:
    """PyTorch does not compare the checksums in its own files: the bit would have been another
    weight."""
    torch = pytest.importorskip("torch")
    from breastseg.training.history import read_checkpoint

    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"a": torch.arange(64.0)}, "callbacks": {}}, path)
    assert read_checkpoint(path)["state_dict"]["a"].tolist() == list(range(64))
    whole = path.read_bytes()
    at = whole.index(np.arange(64, dtype=np.float32).tobytes()) + 100
    for damaged in (
        whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
        whole[:200],
        b"",
        b"x" * 100,
    ):
        path.write_bytes(damaged)
        with pytest.raises(
            ModelError, match=r"last\.ckpt: not what PyTorch writes, cut short or damaged"
        ):
            read_checkpoint(path)
    torch.save([1, 2], path)
    with pytest.raises(
        ModelError, match="not a checkpoint of a run; remove the run's folder checkpoints"
    ):
        read_checkpoint(path)
