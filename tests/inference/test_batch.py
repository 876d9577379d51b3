"""A batch never stops for one item, whatever its name, folder, rights or fault; what runs into
memory's end is one line."""

import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import breastseg.inference.one_slide as one_slide
import breastseg.inference.predict as predicting
from breastseg.annotate.proposals.propose import ProposeConfig, propose
from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.errors import (
    BreastsegError,
    EngineError,
    ImageError,
    MissingPackageError,
    ShortageError,
    explained,
    one_of_several,
)
from breastseg.files import fit_name, held_folder
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, UNREAD_SUFFIXES
from breastseg.inference.config import PredictConfig
from breastseg.inference.inputs import Input, list_inputs
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.json_files import read_json
from breastseg.reporter import Reporter
from breastseg.wording import one_line, say
from conftest import crop, quiet

MINE = PredictConfig(mpp=0.3)
not_windows = pytest.mark.skipif(
    sys.platform == "win32", reason="names and files that Windows has not"
)


@pytest.fixture(scope="module")
def model(tiny_bundle: Bundle) -> Model:
    return load_model(tiny_bundle.path, backend="onnx", threads=1)


def field(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(crop(0)[:64, :64]).save(path, format="PNG")
    return path


def batch(model: Model, *inputs: Path, out: Path, resume: bool = False) -> dict[str, str]:
    """Map inputs, some of which fail; return what became of each, by its place in the first that
    was named."""
    with pytest.raises(BreastsegError) as caught:
        predict(list(inputs), model, out, MINE, reporter=quiet, resume=resume)
    assert re.match(r"\d+ of \d+ failed", str(caught.value)), caught.value
    return outcomes(out)


def outcomes(out: Path) -> dict[str, str]:
    table = pd.read_csv(out / "manifest.csv", keep_default_na=False)
    return {
        Path(slide).name: f"{outcome} {cause}".strip()
        for slide, outcome, cause in table[["slide", "outcome", "cause"]].to_numpy()
    }


@not_windows
@pytest.mark.parametrize(
    ("name", "folder"),
    [
        (os.fsdecode(b"pr\xe4parat.png"), "pr%E4parat"),
        ("日本.png", "日本"),
        ("line\nend.png", "line%0Aend"),
        ("-dash.png", "-dash"),
        ("\x1b[31m.png", "%1B[31m"),
        ("dots..png", "dots%2E"),
        ("blank .png", "blank%20"),
        ("con.png", "%63on"),
        ("a:b.png", "a%3Ab"),
        (".hidden.png", "%2Ehidden"),
        ("x" * 251 + ".png", "x" * 251),
        ("=1+1.png", "=1+1"),
        ("$m$ {x} %s.png", "$m$ {x} %s"),
    ],
)
def test_whatever_a_file_is_called_it_is_mapped(
    model: Model, tmp_path: Path, name: str, folder: str
) -> None:
    """Names of other bytes than UTF-8, and long ones, stopped the batch with a traceback or an
    error."""
    path = field(tmp_path / "s" / name)
    said: list[str] = []
    predict(
        path,
        model,
        tmp_path / "o",
        PredictConfig(mpp=0.3, figure=1),
        reporter=Reporter(said.append),
    )
    assert sorted(p.name for p in (tmp_path / "o").iterdir() if p.is_dir()) == [folder]
    assert read_json(tmp_path / "o" / folder / "run.json", BreastsegError, "x")["input"] == str(
        path
    )
    assert all("\n" not in one_line(line) and one_line(line).encode() for line in said)
    again = predict(path, model, tmp_path / "o", PredictConfig(mpp=0.3, figure=1), reporter=quiet)
    assert len(again) == 1, "the same command goes on"


def test_a_name_that_every_system_can_have_stays_as_it_is() -> None:
    for name in (
        "a",
        "TCGA-A2-A0D2",
        "slide 1 (copy)",
        "präparat",
        "日本",
        "a.b",
        "con1",
        "conx",
        "com",
    ):
        assert fit_name(name) == name


@not_windows
def test_what_a_pipe_cannot_show_is_said_as_an_escape(tmp_path: Path) -> None:
    """With Windows' cp1252, or LANG=C, the run ended in a traceback after the map was made."""
    code = "from breastseg.wording import say\nsay('日本\\n\\udce4 µ')"
    for encoding, told in (
        ("cp1252", rb"\u65e5\u672c\n\udce4 " + "µ".encode("cp1252")),
        ("ascii", rb"\u65e5\u672c\n\udce4 \xb5"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
        )
        assert done.stdout == told + b"\n"
        words = [sys.executable, "-m", "breastseg", "audit", "日本"]
        done = subprocess.run(
            words,
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(rb"breastseg: \u65e5\u672c")
        assert b"Traceback" not in done.stderr


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\r\nb\x1b[31m\u2028\u202ec 日本 µm²")
    assert capsys.readouterr().out == "a\\r\\nb\\x1b[31m\\u2028\\u202ec 日本 µm²\n"


@not_windows
def test_folders_in_folders_are_mapped_each_in_its_place(model: Model, tmp_path: Path) -> None:
    """They were left out without a word."""
    top = tmp_path / "s"
    for place in ("b.png", "p1/b.png", "p1/deep/er/c.png", "p2/b.png", "__MACOSX/._b.png"):
        field(top / place)
    out = top / "maps"  # in the folder itself, as people do
    for _ in range(2):
        rows = predict(top, model, out, MINE, reporter=quiet)
        assert [row["image"] for row in rows] == ["b", "b", "c", "b"]
        assert sorted(p.parent.relative_to(out).as_posix() for p in out.rglob("run.json")) == [
            "b",
            "p1/b",
            "p1/deep/er/c",
            "p2/b",
        ]
    assert pd.read_csv(out / "manifest.csv", keep_default_na=False)["result"].tolist() == [
        "b",
        "p1/b",
        "p1/deep/er/c",
        "p2/b",
        "",
    ]


@not_windows
def test_what_of_a_folder_is_not_looked_at_is_told(tmp_path: Path) -> None:
    top = tmp_path / "s"
    for place in (
        "a.png",
        "images/a.png",
        "masks/a.png",
        "old/labels.png",
        "data/1/thumbnail.jpg",
        "x.mrxs",
        "x/thumb.png",
    ):
        field(top / place)
    (top / "project.qpproj").write_text("{}")
    (top / "old" / "run.json").write_text("{}")
    (top / "loop").symlink_to(top)
    named = list_inputs([top])
    assert [item.name for item in named.items] == ["a", "x", "images/a"]
    causes = {one.path.name: one.cause for one in named.left_out}
    assert causes == {
        "data": "QuPath's own files",
        "loop": "a link to a folder is not followed; name what it leads to",
        "masks": "it holds masks",
        "old": "breastseg wrote it",
    }


@not_windows
def test_each_fault_is_its_own_items(model: Model, tmp_path: Path) -> None:
    """A link that leads nowhere, a pipe, a socket, a circle of links, a broken file, a folder that
    vanished: the others are mapped."""
    top = tmp_path / "s"
    field(top / "a.png")
    field(top / "z.png")
    (top / "broken.png").write_bytes(b"not an image")
    (top / "empty.png").write_bytes(b"")
    (top / "dangling.png").symlink_to(top / "nowhere.png")
    (top / "circle.png").symlink_to(top / "circle.png")
    os.mkfifo(top / "pipe.png")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(top / "sock.png"))
        found = batch(model, top, out=tmp_path / "o")
    assert {name: line.split()[0] for name, line in found.items()} == {
        "a.png": "done",
        "broken.png": "failed",
        "circle.png": "failed",
        "dangling.png": "failed",
        "empty.png": "failed",
        "pipe.png": "failed",
        "sock.png": "failed",
        "z.png": "done",
    }
    assert "a link that leads nowhere" in found["dangling.png"]
    assert "no file but a pipe, socket or device" in found["pipe.png"]


@not_windows
def test_a_folder_that_may_not_be_read_is_told_and_left(tmp_path: Path) -> None:
    """lost+found stopped everything. Root may read anything, so the error itself is made."""
    field(tmp_path / "s" / "a.png")
    (tmp_path / "s" / "lost+found").mkdir()
    real = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "lost+found":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "scandir", refuse)

        def iterdir(self: Path) -> Iterator[Path]:
            return (Path(entry.path) for entry in refuse(self))  # type: ignore[attr-defined]

        patch.setattr(Path, "iterdir", iterdir)
        named = list_inputs([tmp_path / "s"])
    assert [item.name for item in named.items] == ["a"]
    assert [str(one) for one in named.left_out] == [
        f"{tmp_path / 's' / 'lost+found'}: left out, it cannot be read (Permission denied)"
    ]


def test_pictures_that_no_reader_takes_are_told(tmp_path: Path) -> None:
    """A folder of WebP beside one PNG gave one map, and not a word of the others."""
    field(tmp_path / "s" / "a.png")
    for name in ("b.WEBP", "c.jp2", "notes.docx", ".d.bmp"):
        (tmp_path / "s" / name).write_bytes(b"x")
    named = list_inputs([tmp_path / "s"])
    assert [item.name for item in named.items] == ["a"]
    told = {one.path.name: one.cause for one in named.left_out}
    assert sorted(told) == ["b.WEBP", "c.jp2"]
    assert "WebP is not read" in told["b.WEBP"]
    assert not {*UNREAD_SUFFIXES} & {*IMAGE_SUFFIXES, *SLIDE_SUFFIXES}


def test_files_that_are_named_behave_as_their_folder_does(model: Model, tmp_path: Path) -> None:
    """One that was broken kept all from being mapped."""
    good, broken = field(tmp_path / "s" / "a.png"), tmp_path / "s" / "b.png"
    broken.write_bytes(b"x")
    named = batch(model, broken, tmp_path / "gone.png", good, out=tmp_path / "named")
    assert {name: line.split()[0] for name, line in named.items()} == {
        "a.png": "done",
        "b.png": "failed",
        "gone.png": "failed",
    }
    assert batch(model, tmp_path / "s", out=tmp_path / "folder")["b.png"] == named["b.png"]
    assert "not found" in named["gone.png"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("one/field.png", "two/field.tif"),
        ("one/field.png", "two/FIELD.png"),
        ("a.png", "b/a.png"),
        ("a.png", "a.png"),
    ],
)
def test_of_two_with_one_result_the_second_fails(
    model: Model, tmp_path: Path, first: str, second: str
) -> None:
    """On macOS and Windows A and a are one name."""
    out, one, two = tmp_path / "o", field(tmp_path / first), field(tmp_path / second)
    with pytest.raises(
        BreastsegError,
        match=r"1 of 2 failed, .* would overwrite those of",
    ):
        predict([one, two], model, out, MINE, reporter=quiet)
    assert pd.read_csv(out / "manifest.csv")["outcome"].tolist() == ["done", "failed"]


def test_a_result_never_lies_in_anothers(tmp_path: Path) -> None:
    for place in ("a.png", "a/b.png", "manifest.csv.png"):
        field(tmp_path / place)
    by_name = {item.name: item.broken for item in list_inputs([tmp_path]).items}
    assert by_name["a"] is None
    assert "would overwrite those of" in str(by_name["a/b"])
    assert "would be called like manifest.csv" in str(by_name["manifest.csv"])


FAULTS: list[tuple[Callable[[], Exception], str]] = [
    (lambda: OSError(errno.EIO, "Input/output error", "b.png"), "b.png: Input/output error"),
    (
        lambda: PermissionError(errno.EACCES, "Permission denied", "b.png"),
        "b.png: Permission denied",
    ),
    (
        lambda: OSError(errno.ENAMETOOLONG, "File name too long", "b.png"),
        "b.png: File name too long",
    ),
    (MemoryError, "out of memory; take a smaller --box or image"),
    (lambda: RuntimeError("Exception from src/inference: std::bad_alloc"), "out of memory"),
    (
        lambda: RuntimeError("Exception from src/inference/src/cpp/infer_request.cpp:223: shapes"),
        "the engine failed",
    ),
    (lambda: KeyError("pages"), "could not be done (KeyError at test_batch.py:"),
]


@pytest.mark.parametrize(("make", "told"), FAULTS)
def test_whatever_one_raises_the_others_are_mapped(
    model: Model,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[], Exception],
    told: str,
) -> None:
    for name in "abc":
        field(tmp_path / "s" / f"{name}.png")
    real = one_slide.open_slide

    def opened(path: Path, **options: float | None) -> object:
        if path.name == "b.png":
            raise make()
        return real(path, **options)

    monkeypatch.setattr(one_slide, "open_slide", opened)
    found = batch(model, tmp_path / "s", out=tmp_path / "o")
    assert [line.split()[0] for line in found.values()] == ["done", "failed", "done"]
    assert told in found["b.png"]
    assert "\n" not in found["b.png"]


def test_a_full_disk_stops_all(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could be written of the others, nor the table that tells of it."""
    for name in "ab":
        field(tmp_path / "s" / f"{name}.png")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "o/a/labels.png")

    monkeypatch.setattr(one_slide, "write_result", full)
    with pytest.raises(OSError, match="No space left on device"):
        predict(tmp_path / "s", model, tmp_path / "o", MINE, reporter=quiet)
    assert outcomes(tmp_path / "o") == {"a.png": "stopped", "b.png": "waits"}


def test_a_picture_that_vanishes_in_between_is_its_own_failure(
    model: Model, tmp_path: Path
) -> None:
    for name in "abc":
        field(tmp_path / "s" / f"{name}.png")
    gone: list[str] = []

    def watch(block: object) -> None:
        if not gone:
            (tmp_path / "s" / "b.png").unlink()
            gone.append("b.png")

    with pytest.raises(BreastsegError, match="1 of 3 failed"):
        predict(
            tmp_path / "s", model, tmp_path / "o", MINE, reporter=Reporter(quiet.message, watch)
        )
    assert [line.split()[0] for line in outcomes(tmp_path / "o").values()] == [
        "done",
        "failed",
        "done",
    ]


@pytest.mark.parametrize("change", ["cut short", "gone"])
def test_a_picture_that_changes_while_it_is_mapped_has_no_map(
    model: Model, tmp_path: Path, change: str
) -> None:
    """run.json took the fingerprint after the map: the old map lay under the new file's, and resume
    called it whole."""
    path = field(tmp_path / "a.png")
    whole = path.read_bytes()

    def watch(block: object) -> None:
        if change == "gone":
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ImageError, match=r"a\.png: (changed|has gone) while it was mapped"):
        predict(path, model, tmp_path / "o", MINE, reporter=Reporter(quiet.message, watch))
    assert not (tmp_path / "o" / "a").exists()
    path.write_bytes(whole)
    assert len(predict(path, model, tmp_path / "o", MINE, reporter=quiet)) == 1


def test_a_failed_run_does_not_refuse_the_mended_one(model: Model, tmp_path: Path) -> None:
    """Two images without microns per pixel, then the same command with --mpp."""
    for name in "ab":
        field(tmp_path / "s" / f"{name}.png")
    with pytest.raises(BreastsegError, match=r"^2 of 2 failed; the first: .*no microns per pixel"):
        predict(tmp_path / "s", model, tmp_path / "o", reporter=quiet)
    assert len(predict(tmp_path / "s", model, tmp_path / "o", MINE, reporter=quiet)) == 2


def test_a_dry_run_goes_on_too(model: Model, tmp_path: Path) -> None:
    good = field(tmp_path / "a.png")
    said: list[str] = []
    with pytest.raises(
        BreastsegError, match=r"1 of 2 cannot be mapped; the first: .*gone\.png: not found"
    ):
        predicting.foretell(
            [tmp_path / "gone.png", good],
            model,
            tmp_path / "o",
            MINE,
            reporter=Reporter(said.append),
        )
    assert any("a.png" in line for line in said)
    assert not (tmp_path / "o").exists()


def test_propose_goes_on_as_predict_does(tmp_path: Path) -> None:
    for place in ("a.png", "p1/a.png"):
        path = tmp_path / "s" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([crop(0), crop(1)], axis=1)).save(path)
    (tmp_path / "s" / "b.png").write_bytes(b"x")
    with pytest.raises(BreastsegError, match="1 of 3 failed, the others are done"):
        propose([tmp_path / "s"], tmp_path / "o", ProposeConfig(mpp=2.0), reporter=quiet)
    assert (tmp_path / "o" / "annotations" / "a.geojson").is_file()
    assert (tmp_path / "o" / "annotations" / "p1" / "a.geojson").is_file()
    with pytest.raises(BreastsegError, match=r"2 of 2 failed.*gone"):
        propose(
            [tmp_path / "gone.png", tmp_path / "s" / "b.png"],
            tmp_path / "p",
            ProposeConfig(mpp=2.0),
            reporter=quiet,
        )


@pytest.mark.parametrize(
    "command", ["predict", "propose", "prepare", "evaluate", "train", "audit", "split"]
)
def test_every_command_holds_the_folder_that_it_writes(
    tmp_path: Path,
    painted: Path,
    painted_data: object,
    tiny_bundle: Bundle,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    """Of predict's siblings two at once destroyed each other's files."""
    data, out = tmp_path / "painted_data", tmp_path / "out"
    assert main(["split", str(data), "--scheme", "random", "--val", "0"]) == 0
    words = {
        "predict": [
            field(tmp_path / "a.png"),
            "--mpp",
            0.3,
            "--model",
            tiny_bundle.path,
            "--out",
            out,
        ],
        "propose": [field(tmp_path / "a.png"), "--mpp", 2.0, "--out", out],
        "prepare": [painted, "--out", out],
        "evaluate": [
            "--model",
            tiny_bundle.path,
            "--backend",
            "onnx",
            "--data",
            data,
            "--out",
            out,
        ],
        "train": [data, "--out", out, "--crop-px", 64, "--allow-absent-classes"],
        "audit": [data, "--out", out],
        "split": [data, "--scheme", "random", "--val", 0],
    }[command]
    capsys.readouterr()
    written = data if command == "split" else out
    written.mkdir(exist_ok=True)
    with held_folder(written):
        assert main([command, *map(str, words)]) == 2
    assert re.fullmatch(
        r"breastseg: [^\n]*: another run is writing there now; [^\n]*\n", capsys.readouterr().err
    )
    assert list(out.iterdir() if out.is_dir() else ()) == []


def test_errors_of_systems_and_libraries_in_one_line() -> None:
    assert explained(ValueError("a bug")) is None
    own = ImageError("x")
    assert explained(own) is own
    assert isinstance(explained(MemoryError()), ShortageError)
    assert isinstance(explained(OSError(errno.ENOMEM, "Cannot allocate memory")), ShortageError)
    for text in (
        "(-4:Insufficient memory) Failed to allocate 3 bytes",
        "DefaultCPUAllocator: can't allocate memory",
        "can't start new thread",
    ):
        told = explained(RuntimeError(f"first\n{text}"), "a.svs")
        assert isinstance(told, ShortageError)
        assert re.match(
            r"a\.svs: out of memory \(first .*\); take a smaller --box or image, fewer --threads",
            str(told),
        )
    assert isinstance(
        explained(RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Non-zero status code")), EngineError
    )
    no_space = explained(OSError(errno.EIO, "Input/output error", b"pr\xe4.svs"))
    assert (
        str(no_space)
        == r"pr\xe4.svs: Input/output error; nothing half-written was kept, mend it and run the"
        r" same command again"
    )


def test_a_library_that_memory_has_no_room_for_is_not_called_missing() -> None:
    missing = MissingPackageError("openvino is not installed")
    missing.__context__ = ImportError("libopenvino.so: failed to map segment from shared object")
    assert isinstance(explained(missing), ShortageError)
    missing.__context__ = ImportError("No module named 'openvino'")
    assert explained(missing) is missing


def test_of_a_single_item_a_bug_is_a_bug() -> None:
    with pytest.raises(KeyError), one_of_several("a.svs", several=False):
        raise KeyError("x")
    with pytest.raises(BreastsegError, match="report it with this line"), one_of_several("a.svs"):
        raise KeyError("x")


def test_a_table_names_what_has_no_file(tmp_path: Path) -> None:
    assert Input(tmp_path / "a.png", inside=("p\n1", "con")).name == "p%0A1/%63on/a"


def test_a_pipe_that_is_named_is_never_opened(model: Model, tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names")
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="no file but a pipe, socket or device"):
        predict(tmp_path / "a.png", model, tmp_path / "o", MINE, reporter=quiet)
    assert not (tmp_path / "o").exists()
