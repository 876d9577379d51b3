"""Files of reports: bad input, folders with a bad file, the JSON read back, the command, the DICOM
report."""

import argparse
import csv
import json
import sys
from pathlib import Path

import pytest

from breastseg.cli import mammo_report
from breastseg.errors import (
    BreastsegError,
    IncompleteError,
    InputError,
    MissingPackageError,
    OutputError,
)
from breastseg.mammography.reports.batch import structure_reports
from breastseg.mammography.reports.identity import covered
from breastseg.mammography.reports.record import read_record, write_report
from breastseg.mammography.reports.structure import read_report
from breastseg.reporter import Reporter
from conftest import quiet

TEXT = (
    "FINDINGS: Scattered fibroglandular densities. 8 mm irregular mass in the left breast at 2 "
    "o'clock.\n"
    "IMPRESSION: BI-RADS 4. Biopsy is recommended.\n"
)
GERMAN = (
    "Mammographie beidseits: kein Hinweis auf Herdbefund der rechten Mamma. Im linken "
    "Drüsenkörper ein Herd mit 12 mm."
)
SPANISH = (
    "Mamografía bilateral. Hallazgos: mamas densas, no se observan nódulos ni "
    "microcalcificaciones sospechosas. Conclusión: BI-RADS 1."
)


def paths_of(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\0" * 128 + b"DICM", "a DICOM file"),
        (b"{\\rtf1 breast}", "an RTF document"),
        (b"PK\x03\x04", "a ZIP or Word document"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b'{"left": "breast mass"}', "JSON"),
        (b"<html><body>left breast mass", "XML or HTML"),
        (b"MSH|^~|breast", "an HL7 message"),
        (bytes(range(256)), "not text .character 0 in line 1"),
        (b"left breast mass\nBI-RADS\x07 4", "not text .character 7 in line 2"),
        (b"\xff\xfea", "not text .broken UTF-16"),
        (b"breast " * 40_000, "more than 256 KiB"),
        (b"12 34", "no words"),
        (GERMAN.encode(), "not English as it seems .perhaps German.: .* kein"),
        (SPANISH.encode(), "not English as it seems .perhaps Spanish.: 0 of 10 words"),
        (
            "両側マンモグラフィ。左乳房に腫瘤。".encode(),
            "not English as it seems: 0 of 2 words .* 左乳房に腫瘤",
        ),
        (
            b"CT of the chest. The lungs are clear. The liver is normal.",
            "speaks of chest, lungs, liver",
        ),
        (b"Thank you for the invitation to the meeting in the new house.", "no word of the breast"),
    ],
)
def test_what_is_no_report(tmp_path, data, said):
    path = tmp_path / "report.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        read_report(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="not found, wanted the text of a report or a folder"):
        structure_reports(tmp_path / "none.txt", tmp_path / "out", reporter=quiet)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no files in it, not with an ending of texts"):
        structure_reports(tmp_path / "empty", tmp_path / "out", reporter=quiet)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8 with a byte order mark"), ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16"), ("utf-32", "UTF-32"), ("latin-1",
        "UTF-8"),
    ],
)  # fmt: skip
def test_encodings_are_read_alike(tmp_path, encoding, said):
    path, plain = tmp_path / "report.txt", tmp_path / "plain.txt"
    path.write_bytes(TEXT.encode(encoding))
    plain.write_bytes(TEXT.encode())
    assert read_report(path).encoding == said
    assert read_report(path).findings == read_report(plain).findings


def test_latin_1_is_named(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(TEXT.replace("irregular", "irregular (5 µm, Röntgen)").encode("latin-1"))
    report = read_report(path)
    assert report.encoding == "Windows-1252"
    assert "Not UTF-8" in report.notes[0]
    assert "µm, Röntgen" in report.sentences[2].text


def test_line_ends_of_windows_change_no_value(tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes(TEXT.replace("\n", "\r\n").encode())
    report = read_report(path)
    assert report.category is not None
    data = path.read_bytes().decode()
    assert data[report.category.value.start : report.category.value.end] == "4"


def test_persons_are_covered_and_places_stay(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text(
        f"Patient name: Ann Example\nMRN: 12345\n{TEXT}Electronically signed by Max Example\n"
    )
    report = read_report(path)
    write_report(tmp_path / "report.json", report)
    written = (tmp_path / "report.json").read_text()
    assert "Example" not in written
    assert "12345" not in written
    assert "3 places that may name a person" in report.notes[0]
    text = path.read_text()
    kind = report.findings[0].kind
    assert text[kind.start : kind.end] == "mass"


@pytest.mark.parametrize(
    "text", ["DOB: 1.1.1960", "Dr. Mary Example", "NHS number: 999 999", "Signed by: M. Example"]
)
def test_covered_text_keeps_its_length(text):
    found, count = covered(text)
    assert count == 1
    assert len(found) == len(text)
    assert "*" in found
    assert "Example" not in found


def test_a_folder_with_one_bad_file_goes_on(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    (folder / "more").mkdir(parents=True)
    (folder / "a.txt").write_text(TEXT)
    (folder / "b.txt").write_bytes(b"%PDF-1.4")
    (folder / "c.txt").write_text(GERMAN)
    (folder / "more/a.txt").write_text(TEXT.replace(" Biopsy is recommended.", ""))
    (folder / ".hidden").write_text("x")
    said: list[str] = []
    with pytest.raises(
        IncompleteError,
        match=r"2 of 4 reports .*b\.txt: a PDF",
    ):
        structure_reports(folder, out, reporter=Reporter(said.append))
    with (out / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["report"], row["outcome"]) for row in rows] == [
        ("a.txt", "done"), ("b.txt", "failed"), ("c.txt", "failed"), ("more/a.txt", "done"),
    ]  # fmt: skip
    assert "a PDF" in rows[1]["cause"]
    assert rows[3]["issues"] == "missing-recommendation"
    assert (rows[0]["category"], rows[0]["density"], rows[0]["findings"]) == ("4", "b", "1")
    assert paths_of(out) == [
        "a/report.json", "a/report.txt", "breastseg-work.json", "manifest.csv",
        "more__a/report.json",
        "more__a/report.txt",
    ]  # fmt: skip
    assert len(said) == 4


def test_other_files_of_a_folder_are_left_out_and_told(tmp_path):
    """A JSON file beside a report was once read as one."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    (folder / "a.json").write_text('{"left": "breast mass"}')
    said: list[str] = []
    rows = structure_reports(folder, out, reporter=Reporter(said.append))
    assert [row["report"] for row in rows] == ["a.txt"]
    assert said[-1] == "left out: 1 file with an ending that is not .txt, .text, .md, .rpt or none"
    with (out / "manifest.csv").open(encoding="utf-8") as file:
        outcomes = [row["outcome"] for row in csv.DictReader(file)]
    assert outcomes == ["done", "left out"]
    (folder / "a.txt").unlink()
    with pytest.raises(InputError, match="1 file, none of them with an ending of texts"):
        structure_reports(folder, tmp_path / "other", reporter=quiet)


def test_names_that_are_alike_get_folders_of_their_own(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for name in ("a.txt", "a.TXT.txt", "A.md", "a"):
        (folder / name).write_text(TEXT)
    rows = structure_reports(folder, out, reporter=quiet)
    results = [row["result"].casefold() for row in rows]
    assert len(set(results)) == 4
    assert all((out / row["result"]).is_file() for row in rows)


def test_the_output_folder_inside_the_input_is_not_read(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    for _ in range(2):
        rows = structure_reports(tmp_path, tmp_path / "out", reporter=quiet)
        assert [row["report"] for row in rows] == ["a.txt"]


def test_the_same_command_gives_the_same_bytes_and_other_work_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    (tmp_path / "b.txt").write_text(TEXT)
    out = tmp_path / "out"
    structure_reports(tmp_path / "a.txt", out, reporter=quiet)
    first = {name: (out / name).read_bytes() for name in paths_of(out)}
    structure_reports(tmp_path / "a.txt", out, reporter=quiet)
    assert {name: (out / name).read_bytes() for name in paths_of(out)} == first
    with pytest.raises(OutputError, match="other settings"):
        structure_reports(tmp_path / "b.txt", out, reporter=quiet)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value.update(version=2), "version is 2, wanted 1"),
        (lambda value: value.update(format="x"), "format is 'x'"),
        (lambda value: value["findings"][0]["kind"].update(value="nodule"), "wanted one of mass"),
        (lambda value: value["findings"][0]["kind"].update(end=10_000), "are not in sentence"),
        (
            lambda value: value["findings"][0]["kind"].update(sentence=99),
            "sentence is 99, there are",
        ),
        (
            lambda value: value["findings"][0]["size_mm"].update(mm=[1, 2, 3, 4]),
            "wanted one to three numbers",
        ),
        (lambda value: value["findings"][0]["clock"].update(value="2"), "wanted a number"),
        (lambda value: value["category"].update(prior=1), "wanted true or false"),
        (
            lambda value: value["issues"].append({"code": "odd", "message": "x", "sources": []}),
            "wanted one of missing",
        ),
        (lambda value: value.pop("sentences"), "sentences is null, wanted a list"),
        (
            lambda value: value["sentences"][0].update(text="longer than it was"),
            "wanted a whole number",
        ),
    ],
)
def test_a_record_that_was_changed_is_refused(tmp_path, change, said):
    (tmp_path / "a.txt").write_text(TEXT)
    report = read_report(tmp_path / "a.txt")
    path = tmp_path / "report.json"
    write_report(path, report)
    assert read_record(path) == report
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=said):
        read_record(path)


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    mammo_report.add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_writes_and_tells(tmp_path, capsys):
    (tmp_path / "a.txt").write_text(TEXT)
    mammo_report.run(parsed(str(tmp_path / "a.txt"), "--out", str(tmp_path / "out")))
    told = capsys.readouterr().out
    assert "BI-RADS 4, 1 finding, no issues" in told
    assert f"{tmp_path / 'out'}: 1 read" in told
    summary = (tmp_path / "out/a/report.txt").read_text()
    order = [
        "INDICATION",
        "BREAST COMPOSITION",
        "FINDINGS",
        "COMPARISON",
        "ASSESSMENT",
        "MANAGEMENT",
        "TO LOOK AT",
    ]
    places = [summary.index(f"\n{name}\n") for name in order]
    assert places == sorted(places)
    assert "1. mass, left, irregular, 2 o'clock, 8 mm" in summary


def test_without_highdicom_a_sentence_names_the_package(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(TEXT)
    monkeypatch.setitem(sys.modules, "highdicom", None)
    monkeypatch.setitem(sys.modules, "highdicom.sr", None)
    with pytest.raises(MissingPackageError, match=r"highdicom.*breastseg\[dicom\]"):
        structure_reports(tmp_path / "a.txt", tmp_path / "out", films=["film.dcm"], reporter=quiet)


def test_films_of_several_reports_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    with pytest.raises(InputError, match="give one report with its films"):
        structure_reports(tmp_path, tmp_path / "out", films=["film.dcm"], reporter=quiet)


def film(
    path: Path, *, study: str = "1.2.3", sop_class: str = "1.2.840.10008.5.1.4.1.1.1.2"
) -> Path:
    """Write a mammogram without pixels; highdicom reads its tags only."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = "1.2.3.1"
    dataset.PatientID = "phantom"
    dataset.save_as(path, enforce_file_format=True)
    return path


def meanings(items: object) -> list[tuple[str, str]]:
    """Return names and values of a structured report, in order."""
    found = []
    for item in items:  # type: ignore[attr-defined]
        if "ConceptNameCodeSequence" in item:
            value = ""
            if "ConceptCodeSequence" in item:
                value = item.ConceptCodeSequence[0].CodeMeaning
            elif "MeasuredValueSequence" in item:
                value = str(float(item.MeasuredValueSequence[0].NumericValue))
            found.append((item.ConceptNameCodeSequence[0].CodeMeaning, value))
        found += meanings(item.get("ContentSequence", []))
    return found


def test_structured_report(tmp_path):
    from pydicom import dcmread

    (tmp_path / "a.txt").write_text(TEXT)
    films = [film(tmp_path / "film.dcm")]
    structure_reports(tmp_path / "a.txt", tmp_path / "out", films=films, reporter=quiet)
    document = dcmread(tmp_path / "out/a/report.dcm")
    assert document.SOPClassUID.name == "Comprehensive SR Storage"
    assert document.PatientID == "phantom"
    assert (document.CompletionFlag, document.VerificationFlag) == ("PARTIAL", "UNVERIFIED")
    evidence = document.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    told = meanings(document.ContentSequence)
    for expected in (
        ("Assessment Category", "Category 4 - Suspicious abnormality"),
        ("Breast composition", "Scattered fibroglandular densities"),
        ("Recommended Follow-up", "Biopsy should be considered"),
        ("Finding", "Mammographic breast mass"),
        ("Laterality", "Left"),
        ("Shape", "Irregular"),
        ("Clockface or region", "2 o'clock position"),
        ("Length", "8.0"),
    ):
        assert expected in told
    first = document.SOPInstanceUID
    structure_reports(tmp_path / "a.txt", tmp_path / "again", films=films, reporter=quiet)
    assert dcmread(tmp_path / "again/a/report.dcm").SOPInstanceUID == first


def test_highdicom_reads_the_structured_report(tmp_path):
    """Its reader parses every item against TID 1500, so what breaks the template is an error."""
    from highdicom.sr import srread
    from pydicom import dcmread

    (tmp_path / "a.txt").write_text(TEXT)
    path = film(tmp_path / "film.dcm")
    header = dcmread(path)
    header.PatientComments = "a neighbour's words"
    header.ReferringPhysicianName = "Doe^Jane"
    header.save_as(path)
    structure_reports(tmp_path / "a.txt", tmp_path / "out", films=[path], reporter=quiet)
    report = srread(tmp_path / "out/a/report.dcm").content
    overall, finding = report.get_image_measurement_groups()
    assert overall.finding_type.meaning == "Overall Assessment"
    assert finding.finding_type.meaning == "Mammographic breast mass"
    said = {one.name.meaning: one.value.meaning for one in finding.get_qualitative_evaluations()}
    assert said["Shape"] == "Irregular"
    (size,) = finding.get_measurements()
    assert (size.name.meaning, size.value, size.unit.value) == ("Length", 8.0, "mm")
    (site,) = finding.finding_sites
    assert (site.value.meaning, site.laterality.meaning) == ("Breast", "Left")
    data = (tmp_path / "out/a/report.dcm").read_bytes()
    assert b"neighbour" not in data
    assert b"Doe" not in data


def test_examples_become_structured_reports(tmp_path):
    from breastseg.mammography.reports.sr import write_sr

    films = [film(tmp_path / "film.dcm")]
    for path in sorted(
        (Path(__file__).parents[1] / "samples/mammography_reports/tuned").glob("*0-*.txt")
    ):
        write_sr(tmp_path / "report.dcm", read_report(path), films)


def test_films_that_do_not_fit(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    other = film(tmp_path / "other.dcm", study="1.2.9")
    ct = film(tmp_path / "ct.dcm", sop_class="1.2.840.10008.5.1.4.1.1.2")
    good = film(tmp_path / "film.dcm")
    for films, said in (
        ([good, other], "several studies"),
        ([ct], "no digital mammogram"),
        ([tmp_path / "a.txt"], "no DICOM file"),
        ([tmp_path / "none.dcm"], "not found"),
    ):
        with pytest.raises(BreastsegError, match=said):
            structure_reports(tmp_path / "a.txt", tmp_path / "out", films=films, reporter=quiet)
        assert not (tmp_path / "out/a").exists()
