"""What is known of whole fields: read from fields.csv, joined, prepared, split, audited."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.data.audit import audit
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.fields import Known, check_names, facts_of, hash_of, known_of, presence_of
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import BreastsegError, DatasetError, LabelError, MppError, SourceError
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.sources import Source, open_source
from breastseg.sources.region import Field
from conftest import DATA, paint, quiet, tcga

TUMOR, STROMA, NECROSIS, OTHER = 1, 2, 4, 5


def picture(path: Path, side: tuple[int, int] = (24, 32)) -> None:
    """Write noise of (height, width)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    Image.fromarray(rng.integers(0, 256, (*side, 3), dtype=np.uint8)).save(path)


def fields(folder: Path, table: str, *pictures: str) -> Path:
    """Write a folder of images with a table."""
    for name in pictures:
        picture(folder / name)
    (folder / "fields.csv").write_text(table)
    return folder


def prepared(folder: Path, *sources: Path, labels: str = "region5") -> Dataset:
    config = PrepareConfig(to_mpp=0.5, labels=labels, workers=1)
    return prepare(sources, folder / "data", config, reporter=quiet)


KNOWN = """image,patient,site,mpp,all,without,with
fat/a.png,P1,H1,0.5,fat,,
benign/b.png,P2,H1,0.5,,tumor+necrosis,stroma
malignant/c.png,P3,H1,0.25,,,Tumor; lymphocytic_infiltrate
"""


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """Three images below their table, one of each kind, and one of which it says nothing."""
    names = ("fat/a.png", "benign/b.png", "malignant/c.png", "benign/d.png")
    return fields(tmp_path / "known", KNOWN, *names)


def test_a_folder_with_fields_csv_is_recognised(known: Path) -> None:
    (known / "licence.txt").write_text("Our own images, CC0\nmore\n")
    source = open_source(known)
    assert source.description == "fields known as a whole: 3 fields, 3 patients, 1 hospital"
    assert [(r.id, r.patient, r.site, r.mpp, r.mpp_source) for r in source.regions] == [
        ("a", "P1", "H1", 0.5, "fields.csv"),
        ("b", "P2", "H1", 0.5, "fields.csv"),
        ("c", "P3", "H1", 0.25, "fields.csv"),
    ]
    assert "fields.csv: 1 image without a row left out: benign/d.png" in source.notes
    assert source.parts == ("fields known as a whole: Our own images, CC0",)
    assert source.label_map is None


def test_all_is_areas_and_what_is_absent_or_somewhere_is_a_fact(
    known: Path, tmp_path: Path
) -> None:
    data = prepared(tmp_path, known)
    assert data.regions["annotation"].to_dict() == {"a": "areas", "b": "fields", "c": "fields"}
    assert data.regions[["without", "with"]].to_numpy().tolist() == [
        ["", ""],
        ["tumor;necrosis", "stroma"],
        ["", "tumor;inflammatory"],
    ]
    assert data.facts.to_numpy().tolist() == [[0] * 5, [-1, 1, 0, -1, 0], [1, 0, 1, 0, 0]]
    assert data.fields(["a", "b", "c"]) == ["b", "c"]
    assert (data.labels("a") == OTHER).all()
    assert not data.labels("b").any()
    assert data.image("c").shape == (12, 16, 3), "0.25 to 0.5 um/px"
    assert json.loads((data.path / "dataset.json").read_text())["label_map"]["name"] == "region5"


def test_they_stand_beside_masks_and_the_label_map_is_that_of_the_masks(
    known: Path, painted: Path, tmp_path: Path
) -> None:
    source = open_source(painted, known)
    assert source.label_map == "region5"
    told = "BCSS regions + fields known as a whole: 6 image-mask pairs and 3 fields, 9 patients"
    assert source.description == f"{told}, 4 hospitals"
    data = prepare([painted, known], tmp_path / "d", PrepareConfig(workers=1), reporter=quiet)
    assert data.facts.abs().sum(axis=1).astype(bool).sum() == 2
    assert (
        data.fingerprint()
        != prepare(painted, tmp_path / "e", PrepareConfig(workers=1), reporter=quiet).fingerprint()
    )


def test_a_data_set_without_fields_has_no_such_columns(painted_data: Dataset) -> None:
    head = (painted_data.path / "regions.csv").read_text().splitlines()[0].split(",")
    assert not {"without", "with"} & set(head)
    assert not painted_data.facts.to_numpy().any()
    assert painted_data.facts.shape == (6, 5)


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ("a.png,0.5,tumor,tumor,", SourceError, "all of the field is tumor, and it is without it"),
        ("a.png,0.5,,stroma,stroma", SourceError, "stroma is nowhere in the field and somewhere"),
        ("a.png,0.5,,tumor,dcis", SourceError, "tumor is nowhere in the field and somewhere in it"),
        ("a.png,0.5,stroma,,tumor", SourceError, "all of the field is stroma, and tumor is some"),
        (
            "a.png,0.5,,tumor+stroma+inflammatory+necrosis+other,",
            SourceError,
            "without every class",
        ),
        ("a.png,0.5,,,", SourceError, "nothing is known of a.png; fill one of all, without, with"),
        ("a.png,0.5,stroma+other,,", SourceError, "all is 'stroma\\+other', wanted one class"),
        ("a.png,0.5,,cheese,", LabelError, "class 'cheese' is not in label map 'region5'"),
        ("a.png,0.5,,fat,", LabelError, "'fat' is a part of class 'other' in label map 'region5'"),
        ("a.png,0.5,exclude,,", LabelError, "'exclude' means not annotated in label map 'region5'"),
        ("a.png,5000,stroma,,", MppError, "5000"),
        ("a.png,x,stroma,,", MppError, "mpp 'x', wanted a number"),
        ("z.png,0.5,stroma,,", SourceError, "'z.png' fits no image"),
        (",0.5,stroma,,", SourceError, "no image; name its file, or remove the row"),
    ],
)
def test_a_row_that_is_wrong(
    tmp_path: Path, row: str, error: type[BreastsegError], message: str
) -> None:
    folder = fields(tmp_path / "src", f"image,mpp,all,without,with\n{row}\n", "a.png")
    with pytest.raises(error, match=rf"fields\.csv, row 2: .*{message}") as caught:
        prepared(tmp_path, folder)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists(), "nothing is made before all rows are read"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "image,mpp\na.png,0.5\n",
            "names images and nothing of them, wanted any of all, without, with",
        ),
        (
            "image,absent\na.png,tumor\n",
            "unknown column 'absent'.*did you mean without by 'absent'",
        ),
        (
            "image,all\na.png,stroma\na.png,tumor\n",
            "row 3: all of a.png is 'tumor', row 2 says 'stroma'",
        ),
        ("image,all,patient\na.png,stroma,\n", "row 2: no patient of a.png"),
        ("image,all\n", "a head without rows"),
    ],
)
def test_a_table_that_is_wrong(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        open_source(fields(tmp_path, table, "a.png"))


def test_a_table_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no image beside it or below; put the images there"):
        open_source(fields(tmp_path, "image,all\na.png,stroma\n"))


def test_microns_per_pixel_must_be_known(tmp_path: Path) -> None:
    folder = fields(tmp_path / "src", "image,all\na.png,stroma\n", "a.png")
    told = (
        r"fields\.csv, row 2: no microns per pixel of a\.png .*give them in the mpp column, or"
        r" --mpp"
    )
    with pytest.raises(MppError, match=told):
        open_source(folder)
    assert open_source(folder, mpp=0.4).regions[0].mpp == 0.4


def test_the_command_says_it_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fields(tmp_path / "src", "image,mpp,without\na.png,0.5,fat\n", "a.png")
    assert (
        main(["prepare", str(folder), "--out", str(tmp_path / "data"), "--labels", "region5"]) == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert "fields.csv, row 2: 'fat' is a part of class 'other'" in line


def test_a_part_of_a_class_may_be_somewhere_and_its_own_class_absent(tmp_path: Path) -> None:
    table = "image,mpp,without,with\na.png,0.5,tumor,fat\n"
    folder = fields(tmp_path / "src", table, "a.png")
    assert prepared(tmp_path / "1", folder).facts.loc["a"].tolist() == [-1, 0, 0, 0, 1]
    fine = prepared(tmp_path / "2", folder, labels="bcss21").facts.loc["a"]
    assert {name: int(fact) for name, fact in fine.items() if fact} == {"tumor": -1, "fat": 1}


def test_names_with_a_plus_and_none_with_a_semicolon(tmp_path: Path) -> None:
    classes = [("HER2+", 1), ("rest", 2), ("x", 3)]
    told = [{"name": name, "color": [1, 2, code], "codes": [code]} for name, code in classes]
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"name": "mine", "classes": told}))
    folder = fields(tmp_path / "src", 'image,mpp,without\na.png,0.5,"HER2+;x"\n', "a.png")
    assert prepared(tmp_path, folder, labels=str(path)).facts.loc["a"].tolist() == [-1, 0, -1]
    path.write_text(json.dumps({"name": "mine", "classes": told}).replace("HER2+", "a;b"))
    with pytest.raises(
        LabelError, match="class 'a;b' has a ';', which joins the classes of a field"
    ):
        prepared(tmp_path / "2", folder, labels=str(path))


def test_a_name_in_two_folders_goes_by_its_path(tmp_path: Path) -> None:
    folder = fields(tmp_path, "image,mpp,all\ny/a.png,0.5,stroma\n", "x/a.png", "y/a.png")
    (region,) = open_source(folder).regions
    assert region.image == folder / "y" / "a.png"
    (folder / "fields.csv").write_text("image,mpp,all\na.png,0.5,stroma\n")
    with pytest.raises(SourceError, match=r"row 2: 'a\.png' may be a\.png, a\.png"):
        open_source(folder)


@pytest.mark.parametrize(("column", "other"), [("patient", "P1"), ("site", "H1")])
def test_a_tcga_name_is_not_contradicted(tmp_path: Path, column: str, other: str) -> None:
    """The same patient under two names could train and test."""
    table = f"image,mpp,all,{column}\nTCGA-A2-A001-x.png,0.5,stroma,{other}\n"
    with pytest.raises(
        SourceError, match=rf"row 2: {column} of TCGA.* is '{other}', its name says"
    ):
        open_source(fields(tmp_path, table, "TCGA-A2-A001-x.png"))


def test_a_persons_table_needs_no_row_of_what_fields_csv_says(
    known: Path, painted: Path, tmp_path: Path
) -> None:
    table = tmp_path / "t.csv"
    table.write_text(f"image,patient,site,mpp\n{tcga('A2', 'A001')},Q,A2,0.3\n")
    regions = {region.id: region for region in open_source(painted, known, table=table).regions}
    assert (regions["a"].patient, regions["a"].mpp) == ("P1", 0.5)
    table.write_text("image,patient,mpp\na.png,Q,0.4\n")
    first = next(region for region in open_source(known, table=table).regions if region.id == "a")
    assert (first.patient, first.mpp, first.mpp_source) == ("Q", 0.4, "table")


def test_a_persons_table_needs_a_row_of_what_fields_csv_leaves_open(tmp_path: Path) -> None:
    folder = fields(
        tmp_path / "src", "image,mpp,all\na.png,0.5,stroma\nb.png,0.5,stroma\n", "a.png", "b.png"
    )
    (tmp_path / "t.csv").write_text("image,patient\na.png,P\n")
    with pytest.raises(SourceError, match=r"no row for b\.png"):
        open_source(folder, table=tmp_path / "t.csv")


def drawn(folder: Path, name: str, *kinds: str) -> None:
    """Draw the left half of a 24 x 32 image, or a dot, of a class."""
    half = {"type": "Polygon", "coordinates": [[[0, 0], [16, 0], [16, 24], [0, 24], [0, 0]]]}
    dot = {"type": "Point", "coordinates": [5, 5]}
    features = [
        {"type": "Feature", "geometry": dot if kind.startswith("dot ") else half,
         "properties": {"classification": {"name": kind.removeprefix("dot ")}}}
        for kind in kinds
    ]  # fmt: skip
    text = json.dumps({"type": "FeatureCollection", "features": features})
    (folder / name).write_text(text)


def test_a_field_may_have_areas_too(known: Path, tmp_path: Path) -> None:
    drawn(known / "benign", "b.geojson", "Stroma")
    data = prepared(tmp_path, known)
    assert (data.labels("b")[:, :16] == STROMA).all()
    assert not data.labels("b")[:, 16:].any()
    assert data.fields(["b"]) == ["b"]
    assert data.facts.loc["b"].tolist() == [-1, 1, 0, -1, 0]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        (
            "benign/b.geojson",
            "Tumor",
            r"row 3: no tumor is in the field, and b\.geojson has an area of it",
        ),
        (
            "benign/b.geojson",
            "dot Stroma",
            r"b\.geojson: has dots, and .*row 3 tells of the whole field",
        ),
        ("fat/a.geojson", "Stroma", r"row 2: all of a\.png is fat, and a\.geojson has areas"),
    ],
)
def test_areas_that_contradict(
    known: Path, tmp_path: Path, name: str, kind: str, message: str
) -> None:
    drawn(known, name, kind)
    with pytest.raises(SourceError, match=message):
        prepared(tmp_path, known)


def test_a_row_that_changed_is_prepared_again_and_the_others_are_not(
    known: Path, tmp_path: Path
) -> None:
    data = prepared(tmp_path, known)
    stamps = {name: (data.path / "arrays" / f"{name}.json").stat().st_mtime_ns for name in "abc"}
    (known / "fields.csv").write_text(KNOWN.replace("tumor+necrosis", "tumor"))
    again = prepared(tmp_path, known)
    assert again.facts.loc["b"].tolist() == [-1, 1, 0, 0, 0]
    changed = [
        name
        for name in "abc"
        if (data.path / "arrays" / f"{name}.json").stat().st_mtime_ns != stamps[name]
    ]
    assert changed == ["b"]
    assert again.fingerprint() != data.fingerprint()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tumor;necrosis,stroma", ",", "row 3: a field of which nothing is known"),
        ("tumor;necrosis,stroma", "tumor,tumor", "row 3: a field is without a class that it has"),
        ("tumor;necrosis", "cheese", "row 3: 'cheese' of a field is no class in dataset.json"),
        ("tumor;necrosis", "tumor;stroma;inflammatory;necrosis;other", "row 3: a field is without"),
        (",fields,", ",field,", "row 3: annotation 'field', wanted areas, dots, fields"),
    ],
)
def test_damaged_facts(known: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    path = prepared(tmp_path, known).path / "regions.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(DatasetError, match=message):
        open_dataset(path.parent)


def benign_and_malignant(folder: Path, *, malignant: str, painted: Path) -> Dataset:
    """Benign fields of laboratory L, malignant ones of another or the same, beside BCSS regions."""
    table = "image,patient,site,mpp,without,with\n"
    table += "".join(
        f"b{i}.png,B{i},L,0.5,tumor,\nm{i}.png,M{i},{malignant},0.5,,tumor\n" for i in range(4)
    )
    names = (f"{kind}{i}.png" for kind in "bm" for i in range(4))
    return prepared(folder, fields(folder / "lab", table, *names), painted)


def one_sided(data: Dataset) -> list[str]:
    found = audit(data.path)["findings"]
    return [finding["sentence"] for finding in found if finding["check"] == "one-sided fields"]


def test_the_audit_warns_where_colour_alone_tells(painted: Path, tmp_path: Path) -> None:
    data = benign_and_malignant(tmp_path, malignant="M", painted=painted)
    assert one_sided(data) == [
        "4 fields without tumor, from where nothing has it (L): "
        "the colours of that laboratory alone tell a network so"
    ]  # fmt: skip
    same = benign_and_malignant(tmp_path / "2", malignant="L", painted=painted)
    assert one_sided(same) == []
    parts = {
        patient: "test" if patient.startswith("M") else "train"
        for patient in same.regions["patient"]
    }
    lines = "".join(f"{patient},{part}\n" for patient, part in parts.items())
    (tmp_path / "s.csv").write_text("patient,split\n" + lines)
    split(same, SplitConfig(str(tmp_path / "s.csv")))
    assert len(one_sided(same)) == 1, "malignant fields that are held out teach nothing"


def test_fields_are_not_called_unannotated(painted: Path, tmp_path: Path) -> None:
    data = benign_and_malignant(tmp_path, malignant="L", painted=painted)
    checks = {finding["check"] for finding in audit(data.path)["findings"]}
    assert "no annotation" not in checks


def test_fields_are_split_by_patient(painted: Path, tmp_path: Path) -> None:
    data = benign_and_malignant(tmp_path, malignant="L", painted=painted)
    table = split(data, SplitConfig("random", seed=3))
    assert set(table["split"]) == {"train", "val", "test"}
    assert table.groupby("patient")["split"].nunique().max() == 1


def test_a_part_of_fields_alone_has_shares_and_no_dice(known: Path, tmp_path: Path) -> None:
    (known / "fields.csv").write_text("".join(KNOWN.splitlines(keepends=True)[::2]))
    data = prepared(tmp_path, known)
    assert list(data.regions.index) == ["b"]
    words = ["evaluate", "--data", str(data.path), "--split", "all", "--out", str(tmp_path / "r")]
    assert main(words) == 0
    scores = json.loads((tmp_path / "r" / "scores.json").read_text())
    assert scores["overall"]["support_px"] == 0
    assert scores["presence"]["classes"]["tumor"]["regions_without"] == 1


@pytest.mark.parametrize("name", ["b.png", "b.tif"])
def test_a_field_too_large_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("breastseg.data.region_labels._MOST_PX", 500)
    folder = fields(tmp_path / "src", f"image,mpp,without\n{name},0.5,tumor\n", name)
    with pytest.raises(
        SourceError, match=r"32 x 24 px at 0\.5 um/px, wanted up to 0 Mpx of a field"
    ):
        prepared(tmp_path, folder)


def test_an_orientation_tag_matters_only_to_areas(tmp_path: Path) -> None:
    folder = fields(tmp_path / "src", "image,mpp,without\na.jpg,0.5,tumor\n", "a.jpg")
    with Image.open(folder / "a.jpg") as image:
        tags = image.getexif()
        tags[274] = 6
        image.save(folder / "a.jpg", exif=tags)
    assert prepared(tmp_path, folder).image("a").shape == (32, 24, 3)


def test_real_fields_beside_real_regions(tmp_path: Path) -> None:
    """A crop of BRCA-M2C taken for a field with tumour somewhere."""
    name = sorted((DATA / "brca_m2c" / "images").glob("*.png"))[0]
    folder = tmp_path / "src"
    folder.mkdir()
    (folder / name.name).write_bytes(name.read_bytes())
    (folder / "fields.csv").write_text(f"image,mpp,with\n{name.name},0.5,tumor\n")
    source: Source = open_source(DATA / "bcss", folder)
    assert {region.site for region in source.regions if region.field} == {name.name[5:7]}
    data = prepared(tmp_path, DATA / "bcss", folder)
    assert data.facts["tumor"].sum() == 1


def test_paint_is_no_field(tmp_path: Path) -> None:
    """A folder of masks without the table is what it was."""
    paint(tmp_path, "a")
    assert open_source(tmp_path, mpp=0.5).regions[0].field is None


def said(**columns: object) -> Field:
    return Field(Path("fields.csv"), 2, **columns)  # type: ignore[arg-type]


def test_names_become_labels() -> None:
    found = known_of(said(without=("tumor", "tumor"), somewhere=("stroma",)), BUILT_IN["region5"])
    assert found == Known(0, (1,), (2,))
    assert found.columns(BUILT_IN["region5"]) == {"without": "tumor", "with": "stroma"}
    assert Known(3, (), ()).columns(BUILT_IN["region5"]) == {}


@pytest.mark.parametrize(
    ("columns", "fact"),
    [
        ({"without": ("tumor",), "somewhere": ("tumor",)}, "nowhere in the field and somewhere"),
        ({"all": "tumor", "without": ("tumor",)}, "without it"),
        ({"all": "tumor", "somewhere": ("stroma",)}, "stroma is somewhere"),
        ({"without": tuple(BUILT_IN["region5"].names)}, "without every class"),
    ],
)
def test_what_contradicts_itself_is_refused(columns: dict[str, object], fact: str) -> None:
    with pytest.raises(SourceError, match=rf"fields\.csv, row 2: .*{fact}"):
        known_of(said(**columns), BUILT_IN["region5"])


def test_cells_and_facts_are_two_ways_of_saying_one_thing() -> None:
    names = BUILT_IN["region5"].names
    assert facts_of("tumor;necrosis", "stroma", names).tolist() == [-1, 1, 0, -1, 0]
    assert facts_of("", "", names).tolist() == [0] * 5
    table = pd.DataFrame({"without": ["tumor;necrosis"], "with": ["stroma"]}, index=["a"])
    assert presence_of(table, "a", names) == {1: False, 2: True, 4: False}


def test_a_name_that_joins_is_refused() -> None:
    check_names(BUILT_IN["region5"])
    one = LabelClass("a;b", (1, 2, 3), "A", (1,))
    two = LabelClass("c", (1, 2, 4), "C", (2,))
    with pytest.raises(LabelError, match="class 'a;b'"):
        check_names(LabelMap("own", (one, two)))


def test_a_hash_follows_all_that_is_said() -> None:
    values = [
        said(),
        said(all="tumor"),
        said(without=("tumor",)),
        said(somewhere=("tumor",)),
        said(type="adenosis"),
    ]
    hashes = {hash_of(field, "") for field in values} | {hash_of(said(), "0" * 64)}
    assert len(hashes) == 6
    assert hash_of(said(patient="P", mpp=0.5), "") == hash_of(said(), "")
