"""Splits: every scheme, and the law above all of them, that a patient is on one side only."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import (
    PARTS,
    SplitConfig,
    check_split,
    load_split,
    regions_of,
    split,
    split_fingerprint,
)
from breastseg.errors import InputError, SplitError
from breastseg.labels import BUILT_IN
from breastseg.sources.bcss.names import OFFICIAL_TEST_SITES
from conftest import DATA, quiet

TRAIN_SITES = (
    "A1",
    "A2",
    "A7",
    "A8",
    "AC",
    "AN",
    "AO",
    "AQ",
    "AR",
    "BH",
    "C8",
    "D8",
    "E9",
    "HN",
    "LQ",
)


def data_of(folder: Path, *rows: tuple[str, str, str]) -> Dataset:
    """Return a data set of regions without arrays: (region, patient, site)."""
    table = (
        pd.DataFrame(rows, columns=["region", "patient", "site"])
        .set_index("region")
        .assign(source_split="")
    )
    return Dataset(folder, BUILT_IN["region5"], 0.5, table, 3.0, ())


@pytest.fixture
def many(tmp_path: Path) -> Dataset:
    """40 patients with one to three regions each, in eight hospitals."""
    return data_of(
        tmp_path,
        *((f"r{p}_{k}", f"p{p}", f"s{p % 8}") for p in range(40) for k in range(1 + p % 3)),
    )


@pytest.fixture
def bcss(tmp_path: Path) -> Dataset:
    """Two regions in each of the 21 hospitals of BCSS."""
    return data_of(
        tmp_path,
        *(
            (f"{s}{k}", f"TCGA-{s}-{k}", s)
            for s in (*TRAIN_SITES, *OFFICIAL_TEST_SITES)
            for k in range(2)
        ),
    )


COLUMN = {"patient": "patient", "hospital": "site"}
"""Of a table, by what stays together."""


def groups(table: pd.DataFrame, part: str, by: str) -> set[str]:
    return set(table.loc[table["split"] == part, by])


def honest(table: pd.DataFrame, by: str) -> bool:
    return bool((table.groupby(by)["split"].nunique() == 1).all()) and set(table["split"]) <= set(
        PARTS
    )


@pytest.mark.parametrize(
    "config",
    [
        SplitConfig("random"),
        SplitConfig("random", by="hospital"),
        SplitConfig("random", val=0),
        SplitConfig("kfold", fold=2),
        SplitConfig("kfold", by="hospital", folds=4),
        SplitConfig("leave-one-out", patient="p7"),
    ],
)
@pytest.mark.parametrize("seed", [0, 1, 42])
def test_every_scheme_keeps_groups_together(many: Dataset, config: SplitConfig, seed: int) -> None:
    table = split(many, dataclasses.replace(config, seed=seed))
    assert honest(table, COLUMN[config.by])
    assert list(table.index) == list(many.regions.index)
    assert (table["split"] == "val").any() == (config.val > 0)
    assert list(load_split(many)["split"]) == list(table["split"])


def test_shares_are_of_groups(many: Dataset) -> None:
    """40 patients: 8 test; of the other 32, 15 % are 4.8, so 5 for validation."""
    table = split(many, SplitConfig("random", val=0.15, test=0.2))
    assert [len(groups(table, part, "patient")) for part in PARTS] == [27, 5, 8]


def test_shares_of_hospitals(many: Dataset) -> None:
    table = split(many, SplitConfig("random", by="hospital", val=0.34, test=0.25))
    assert [len(groups(table, part, "site")) for part in PARTS] == [4, 2, 2]


def test_same_seed_same_split_and_another_seed_another(many: Dataset) -> None:
    one = split(many, SplitConfig("random", seed=1))
    written = (many.path / "split.csv").read_bytes()
    assert split(many, SplitConfig("random", seed=1)).equals(one)
    assert (many.path / "split.csv").read_bytes() == written
    other = split(many, SplitConfig("random", seed=2))
    assert not other["split"].equals(one["split"])
    assert split_fingerprint(one) != split_fingerprint(other)


def test_the_split_does_not_follow_the_order_of_regions(many: Dataset) -> None:
    turned = dataclasses.replace(many, regions=many.regions.iloc[::-1])
    one, two = split(many, SplitConfig("random")), split(turned, SplitConfig("random"))
    assert one["split"].sort_index().equals(two["split"].sort_index())
    assert split_fingerprint(one) == split_fingerprint(two)


def test_official_hospitals(bcss: Dataset) -> None:
    table = split(bcss, SplitConfig("bcss-official"))
    assert groups(table, "test", "site") == {"OL", "LL", "E2", "EW", "GM", "S3"}
    assert len(groups(table, "val", "site")) == 2, "15 % of 15 hospitals"
    assert honest(table, "site")


def test_official_without_validation(bcss: Dataset) -> None:
    table = split(bcss, SplitConfig("bcss-official", val=0))
    assert groups(table, "train", "site") == set(TRAIN_SITES)


def test_official_keeps_its_test_hospitals_for_every_seed(bcss: Dataset) -> None:
    tests = [
        groups(split(bcss, SplitConfig("bcss-official", seed=seed)), "test", "site")
        for seed in range(4)
    ]
    assert all(t == set(OFFICIAL_TEST_SITES) for t in tests)


def test_official_where_no_test_hospital_is(tmp_path: Path) -> None:
    data = data_of(tmp_path, *((f"r{s}", f"p{s}", s) for s in TRAIN_SITES))
    with pytest.raises(SplitError, match=r"split 'test' has no region \(15 regions of 15 patients"):
        split(data, SplitConfig("bcss-official"))


@pytest.mark.parametrize("by", ["patient", "hospital"])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_kfold_tests_every_group_once(many: Dataset, by: str, folds: int) -> None:
    tested = []
    for fold in range(folds):
        table = split(many, SplitConfig("kfold", by=by, folds=folds, fold=fold, val=0))
        assert honest(table, COLUMN[by])
        tested += sorted(groups(table, "test", COLUMN[by]))
    assert sorted(tested) == sorted(set(many.regions[COLUMN[by]]))


def test_folds_are_of_one_size(many: Dataset) -> None:
    sizes = [
        len(groups(split(many, SplitConfig("kfold", folds=6, fold=f)), "test", "patient"))
        for f in range(6)
    ]
    assert sorted(sizes) == [6, 6, 7, 7, 7, 7]


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (0, 0), (41, 0), (5, 5), (5, -1)])
def test_impossible_folds(many: Dataset, folds: int, fold: int) -> None:
    with pytest.raises(
        InputError,
        match=f"fold {fold} of {folds}: wanted 2 to 40 folds",
    ):
        split(many, SplitConfig("kfold", folds=folds, fold=fold))


def test_leave_one_out(many: Dataset) -> None:
    table = split(many, SplitConfig("leave-one-out", patient="p8", val=0))
    assert list(table.index[table["split"] == "test"]) == ["r8_0", "r8_1", "r8_2"]
    assert (table["split"] == "train").sum() == len(table) - 3


@pytest.mark.parametrize(("patient", "shown"), [("", r"\(none\)"), ("nobody", "nobody")])
def test_leave_out_whom(many: Dataset, patient: str, shown: str) -> None:
    with pytest.raises(
        InputError, match=f"--patient {shown}: not in this data set; patients are p0, p1, p10"
    ):
        split(many, SplitConfig("leave-one-out", patient=patient))


def test_a_csv_by_region(many: Dataset, tmp_path: Path) -> None:
    wanted = {
        region: PARTS[int(patient[1:]) % 3] for region, patient in many.regions["patient"].items()
    }
    path = tmp_path / "mine.csv"
    path.write_text("region,split\n" + "".join(f"{r},{p}\n" for r, p in reversed(wanted.items())))
    assert split(many, SplitConfig(str(path)))["split"].to_dict() == wanted


def test_a_csv_that_a_spreadsheet_saved(many: Dataset, tmp_path: Path) -> None:
    """Regions named by their files, in folders, semicolons, capitals, a mark at the start, blank
    rows, notes of one's own."""
    wanted = {
        region: PARTS[int(patient[1:]) % 3] for region, patient in many.regions["patient"].items()
    }
    rows = "".join(
        f"images\\{region}.PNG; {part.upper()};{many.regions.at[region, 'patient']};seen\r\n"
        for region, part in wanted.items()
    )
    path = tmp_path / "mine.csv"
    path.write_text(f"sep=;\r\nREGION;Split;Patient;Note\r\n{rows};;;\r\n", encoding="utf-8-sig")
    assert split(many, SplitConfig(str(path)))["split"].to_dict() == wanted


def test_a_csv_by_patient(many: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(
        "patient,split\n" + "".join(f"p{p},{'test' if p < 4 else 'train'}\n" for p in range(40))
    )
    table = split(many, SplitConfig(str(path)))
    assert groups(table, "test", "patient") == {"p0", "p1", "p2", "p3"}
    assert set(table["split"]) == {
        "train",
        "test",
    }, "a person's own split may do without validation"


def test_a_written_split_can_be_given_again(many: Dataset, tmp_path: Path) -> None:
    table = split(many, SplitConfig("random", seed=5))
    shutil.copy(many.path / "split.csv", tmp_path / "kept.csv")
    split(many, SplitConfig("random", seed=6))
    assert split(many, SplitConfig(str(tmp_path / "kept.csv")))["split"].equals(table["split"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "region,split\na,train\nb,test\nc,val\n",
            "patient P is in test and train; a patient must be on one side only, split by patient",
        ),
        (
            "patient,split\nP,train\nP,test\nQ,val\n",
            r"row 3: patient P is in test, in row 2 in train; keep one row",
        ),
        (
            "region,split\na,train\na,val\nb,train\nc,test\n",
            "row 3: region a is in val, in row 2 in train; keep one row",
        ),
        ("region,split\na,train\nb,train\n", "says nothing of region c; add a row for it"),
        ("patient,split\nQ,train\n", "says nothing of region a; add a row for it"),
        (
            "region,split\na,train\nb,train\nc,holdout\n",
            "row 4: split has the part 'holdout', wanted train, val, test",
        ),
        (
            "region,split\na,train\nb,train\nc,\n",
            "row 4: split has the part '', wanted train, val, test",
        ),
        (
            "region,part\na,train\n",
            "columns are region, part; wanted a CSV with split .*; did you mean split by 'part'?",
        ),
        (
            "regions,split\na,train\n",
            "unknown column 'regions', .*; did you mean region by 'regions'?",
        ),
        ("site,split\ns,train\n", "columns are site, split, wanted region or patient, and split"),
        ("region;split\na;train\n", "says nothing of region b; add a row for it"),
        (
            "region,split\na,train\nb,train\nc,test\nd,test\n",
            "row 5: region 'd' is not in regions.csv; mend the row, or remove it",
        ),
        (
            "patient,split\nP,train\nQ,test\nR,test\n",
            "row 4: patient 'R' is not in regions.csv; mend the row, or remove it",
        ),
        (
            "region,split\na,train\nb,train\nc,test\na,train\n",
            "row 5: region a is in train, in row 2 in train; keep one row",
        ),
        (
            "region,patient,split\na,P,train\nb,P,train\nc,P,test\n",
            "row 4: patient is 'P', regions.csv says 'Q'; mend the row",
        ),
        (
            "region,site,split\na,s,train\nb,s,train\nc,,test\n",
            "row 4: site is '', regions.csv says 's'; mend the row",
        ),
        (
            "patient,split\np,train\nQ,test\n",
            "row 2: patient 'p' is not in regions.csv; is it 'P', changed by a spreadsheet?",
        ),
        ("", "mine.csv"),
        ("region,split\na,train\nb,train,x,y\n", "mine.csv"),
        ("region,split\n\xe9\xff,train\n", "mine.csv"),
    ],
)
def test_broken_csvs(tmp_path: Path, text: str, message: str) -> None:
    data = data_of(tmp_path, ("a", "P", "s"), ("b", "P", "s"), ("c", "Q", "s"))
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SplitError, match=message) as caught:
        split(data, SplitConfig(str(path)))
    assert "\n" not in str(caught.value)
    assert not (data.path / "split.csv").exists()


def test_an_unknown_scheme_lists_the_known(many: Dataset) -> None:
    with pytest.raises(
        InputError,
        match=r"--scheme best: .*random, kfold, leave-one-out, source",
    ):
        split(many, SplitConfig("best"))


def test_a_source_without_a_split_of_its_own(many: Dataset) -> None:
    with pytest.raises(
        SplitError, match="this source has no split of its own; choose --scheme random"
    ):
        split(many, SplitConfig("source"))


def test_the_split_of_the_source(many: Dataset) -> None:
    own = many.regions["patient"].map(lambda p: "test" if p == "p3" else "train")
    data = dataclasses.replace(many, regions=many.regions.assign(source_split=own))
    assert split(data, SplitConfig("source"))["split"].tolist() == own.tolist()


def test_the_kaggle_split_per_tile_is_refused(tmp_path: Path) -> None:
    """The public 224-px copy: two tiles of one region, one in train, one in val."""
    shutil.copytree(DATA / "kaggle224", tmp_path / "k")
    for kind in ("", "_mask"):
        tile = sorted((tmp_path / "k" / f"train{kind}").iterdir())[0]
        (tmp_path / "k" / f"val{kind}").mkdir()
        tile.rename(tmp_path / "k" / f"val{kind}" / tile.name)
    data = prepare(tmp_path / "k", tmp_path / "data", PrepareConfig(workers=1), reporter=quiet)
    assert sorted(data.regions["source_split"]) == ["train", "val"]
    with pytest.raises(
        SplitError,
        match="patient TCGA-A1-A0SK is in train and val",
    ):
        split(data, SplitConfig("source"))
    assert not (data.path / "split.csv").exists()


def test_an_empty_part_is_refused_and_the_old_split_kept(many: Dataset) -> None:
    split(many, SplitConfig("random"))
    before = (many.path / "split.csv").read_bytes()
    small = dataclasses.replace(
        many, regions=many.regions[many.regions["patient"].isin(["p0", "p1"])]
    )
    with pytest.raises(
        SplitError,
        match=r"split 'train' .*\(3 regions of 2 patients .* --val 0",
    ):
        split(small, SplitConfig("random"))
    assert (many.path / "split.csv").read_bytes() == before
    assert set(split(small, SplitConfig("random", val=0))["split"]) == {"train", "test"}


@pytest.mark.parametrize(
    ("option", "value"), [("val", 1.0), ("val", -0.1), ("test", 1.0), ("test", -0.5), ("test", 7.0)]
)
def test_impossible_shares(many: Dataset, option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"--{option} {value:g}: wanted a share from 0 up to 1"):
        split(many, dataclasses.replace(SplitConfig("random"), **{option: value}))


@pytest.mark.parametrize(
    "config",
    [
        SplitConfig("random", test=float("nan")),
        SplitConfig("random", test=float("inf")),
        SplitConfig("random", seed=-1),
    ],
)
def test_odd_numbers_are_told(many: Dataset, config: SplitConfig) -> None:
    with pytest.raises(InputError, match="wanted"):
        split(many, config)


def test_by_what(many: Dataset) -> None:
    with pytest.raises(InputError, match="--by slide: wanted patient or hospital"):
        split(many, SplitConfig("random", by="slide"))


@pytest.mark.parametrize(
    "config",
    [
        SplitConfig("random", by="hospital"),
        SplitConfig("kfold", by="hospital"),
        SplitConfig("bcss-official"),
    ],
)
def test_a_region_without_hospital_cannot_be_split_by_hospital(
    tmp_path: Path, config: SplitConfig
) -> None:
    data = data_of(tmp_path, ("a", "p", "s"), ("b", "q", ""))
    with pytest.raises(
        SplitError,
        match=r"region b has no hospital; .*site column, or split by",
    ):
        split(data, config)


def test_check_split_is_the_same_law_for_anybody() -> None:
    table = pd.DataFrame({"patient": ["x", "x"], "split": ["train", "val"]}, index=["a", "b"])
    with pytest.raises(SplitError, match="patient x is in train and val"):
        check_split(table, [])


def test_loading_a_split(many: Dataset) -> None:
    with pytest.raises(SplitError, match="not split yet; run breastseg split"):
        load_split(many)
    table = split(many, SplitConfig("random"))
    (many.path / "split.csv").write_text(table.iloc[1:].to_csv())
    with pytest.raises(
        SplitError, match=rf"split\.csv: says nothing of region {table.index[0]}; add a row for it"
    ):
        load_split(many)


def test_an_edited_split_that_leaks_is_not_loaded(many: Dataset) -> None:
    table = split(many, SplitConfig("random"))
    side = table.at["r2_0", "split"]
    table.loc["r2_0", "split"] = "train" if side == "test" else "test"
    (many.path / "split.csv").write_text(table.to_csv())
    with pytest.raises(SplitError, match="patient p2 is in"):
        load_split(many)


def test_regions_of_a_part(many: Dataset) -> None:
    table = split(many, SplitConfig("random", val=0))
    assert (
        sorted(regions_of(table, "train") + regions_of(table, "test"))
        == sorted(regions_of(table, "all"))
        == sorted(table.index)
    )
    with pytest.raises(SplitError, match="split 'val' has no region; parts here are test, train"):
        regions_of(table, "val")
    with pytest.raises(InputError, match="split 'dev': wanted train, val, test or all"):
        regions_of(table, "dev")


def test_a_split_is_not_the_alphabet(many: Dataset) -> None:
    """Unshuffled, the test part would be the first names: hospitals are in the names."""
    first = sorted(set(many.regions["patient"]))[:8]
    picks = [
        groups(split(many, SplitConfig("random", seed=s)), "test", "patient") for s in range(20)
    ]
    counts = np.bincount([len(p & set(first)) for p in picks], minlength=9)
    assert counts[8] == 0
    assert len({frozenset(p) for p in picks}) == 20
