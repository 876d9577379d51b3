"""Models to and from a hub: the client is the real one, the hub a small one on localhost."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from breastseg.bundles.bundle import CARD, WEIGHTS, Bundle, load_bundle
from breastseg.bundles.hub import pull, push
from breastseg.cli import main
from breastseg.errors import (
    BreastsegError,
    InputError,
    MissingPackageError,
    ModelError,
    OutputError,
)
from breastseg.evaluation.bias import export_bias
from conftest import quiet
from hub_server import TOKEN, Hub, running_hub

PAGE = "# tiny\n\nResearch use only.\n"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A running hub, and somebody logged in to it."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with running_hub() as running:
        monkeypatch.setattr(
            constants, "ENDPOINT", running.address
        )  # read from HF_ENDPOINT when the client is imported
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            running.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        yield running


@pytest.fixture
def pushed(hub: Hub, tiny_bundle: Bundle) -> dict[str, bytes]:
    """The files of lab/tiny as they lie on the hub; a change of them is a change there."""
    push(tiny_bundle, "lab/tiny", PAGE)
    hub.asked.clear()
    return hub.repositories["lab/tiny"].commits[-1]


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def nothing_at(out: Path) -> bool:
    return not out.exists() and not out.with_name(f".part-{out.name}").exists()


def test_a_push_sends_the_bundle_and_its_page_and_nothing_else(
    hub: Hub, tiny_bundle: Bundle, tmp_path: Path
) -> None:
    (tiny_bundle.path / "notes.txt").write_text("patient names")
    try:
        assert push(tiny_bundle, "lab/tiny", PAGE) == f"{hub.address}/lab/tiny"
    finally:
        (tiny_bundle.path / "notes.txt").unlink()
    there = hub.repositories["lab/tiny"].commits[-1]
    readme = there.pop("README.md").decode()
    assert there == files_of(tiny_bundle.path)
    assert readme.startswith("---\nlicense: other\n")
    assert readme.endswith(PAGE)
    assert not hub.repositories["lab/tiny"].private


def test_what_was_pushed_is_pulled_byte_for_byte_and_loads(
    hub: Hub, pushed: dict[str, bytes], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    pushed["evil.pkl"] = b"cos\nsystem\n"
    out = tmp_path / "pulled"
    assert pull("lab/tiny", out).card == tiny_bundle.card
    assert files_of(out) == files_of(tiny_bundle.path)
    assert load_bundle(out).card == tiny_bundle.card
    assert hub.asked_for_files() == {CARD, *tiny_bundle.card.files}


def test_a_bias_per_class_travels(hub: Hub, tiny_bundle: Bundle, tmp_path: Path) -> None:
    shifted = export_bias(tiny_bundle.path, tmp_path / "shifted", {"tumor": -0.8}, reporter=quiet)
    push(shifted, "lab/shifted", PAGE)
    card = pull("lab/shifted", tmp_path / "pulled").card
    assert card == shifted.card
    assert card.bias["tumor"] == pytest.approx(-0.8, abs=0.005)
    assert files_of(tmp_path / "pulled") == files_of(shifted.path)


def test_a_commit_can_be_named(hub: Hub, pushed: dict[str, bytes], tmp_path: Path) -> None:
    repository = hub.repositories["lab/tiny"]
    repository.commits.append({"README.md": b"emptied"})
    with pytest.raises(ModelError, match=r"lab/tiny: no bundle there \(no card.json\)"):
        pull("lab/tiny", tmp_path / "newest")
    assert pull("lab/tiny", tmp_path / "older", revision=repository.sha(1)).card.name == "tiny"


def test_an_altered_file_is_refused_and_nothing_is_left(
    pushed: dict[str, bytes], tmp_path: Path
) -> None:
    pushed[WEIGHTS] = pushed[WEIGHTS][:-1] + bytes([pushed[WEIGHTS][-1] ^ 1])
    with pytest.raises(ModelError, match=r"^lab/tiny/model.safetensors: altered"):
        pull("lab/tiny", tmp_path / "out")
    assert nothing_at(tmp_path / "out")


def test_a_missing_file_is_named(pushed: dict[str, bytes], tmp_path: Path) -> None:
    del pushed[WEIGHTS]
    with pytest.raises(ModelError, match=r"lab/tiny: model.safetensors is missing there"):
        pull("lab/tiny", tmp_path / "out")
    assert nothing_at(tmp_path / "out")


@pytest.mark.parametrize("name", ["model.pt", "../model.onnx", "deep/model.onnx", "README.md"])
def test_a_card_cannot_make_it_fetch_another_file(
    name: str, hub: Hub, pushed: dict[str, bytes], tmp_path: Path
) -> None:
    card = json.loads(pushed[CARD])
    card["files"][name] = "0" * 64
    pushed[CARD] = json.dumps(card).encode()
    pushed[name] = b"anything"
    with pytest.raises(
        ModelError, match=r"lab/tiny: the card lists .*, which is no file of a bundle"
    ):
        pull("lab/tiny", tmp_path / "out")
    assert hub.asked_for_files() == {CARD}
    assert nothing_at(tmp_path / "out")


def test_a_card_that_is_none_is_refused(pushed: dict[str, bytes], tmp_path: Path) -> None:
    for text, message in ((b'{"version": 1}', "not a model card"), (b"<html>", "not JSON")):
        pushed[CARD] = text
        with pytest.raises(ModelError, match=rf"^lab/tiny/card\.json: {message}"):
            pull("lab/tiny", tmp_path / "out")
        assert nothing_at(tmp_path / "out")


def test_a_folder_in_use_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not an empty folder"):
        pull("lab/tiny", tmp_path)
    assert hub.asked == []


@pytest.mark.parametrize(
    ("repository", "revision", "message"),
    [
        (
            "lab/unknown",
            "main",
            (
                r"lab/unknown: not found at http://127.0.0.1:\d+, or not yours to see; check the"
                r" name, or log in"
            ),
        ),
        ("lab/tiny", "v9", "lab/tiny: no such revision there"),
        ("a/b/c", "main", "'a/b/c': not the name of a repository; wanted OWNER/NAME"),
    ],
)
def test_wrong_names_are_told_in_one_line(
    repository: str, revision: str, message: str, pushed: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        pull(repository, tmp_path / "out", revision=revision)
    assert "\n" not in str(caught.value)
    assert nothing_at(tmp_path / "out")


def test_a_hub_out_of_reach_is_told_in_one_line(
    hub: Hub, tiny_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    message = (
        r"lab/tiny: the hub at http://127.0.0.1:9 cannot be reached \(ConnectError\); check the"
        r" network, or HF_ENDPOINT"
    )
    with pytest.raises(InputError, match=message):
        pull("lab/tiny", tmp_path / "out")
    with pytest.raises(InputError, match=message):
        push(tiny_bundle, "lab/tiny", PAGE)


def test_offline_mode_is_heeded(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"cannot be reached \(OfflineModeIsEnabled\)"):
        pull("lab/tiny", tmp_path / "out")
    assert hub.asked == []


@pytest.mark.parametrize("token", ["", "hf_wrong"])
def test_a_push_without_leave_says_how_to_log_in(
    token: str,
    hub: Hub,
    tiny_bundle: Bundle,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match="answered 401; log in with hf auth login") as caught:
        push(tiny_bundle, "lab/tiny", PAGE)
    said = "".join(capfd.readouterr()) + str(caught.value)
    assert not token or token not in said
    assert hub.repositories == {}


def test_private_is_private_or_nothing_is_sent(
    hub: Hub, pushed: dict[str, bytes], tiny_bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="lab/tiny: is public already, --private"):
        push(tiny_bundle, "lab/tiny", PAGE, private=True)
    assert len(hub.repositories["lab/tiny"].commits) == 2
    push(tiny_bundle, "lab/hidden", PAGE, private=True)
    assert hub.repositories["lab/hidden"].private
    assert pull("lab/hidden", tmp_path / "out").card.name == "tiny"


def test_the_hub_is_told_no_more_than_three_versions(
    hub: Hub, pushed: dict[str, bytes], tmp_path: Path
) -> None:
    pull("lab/tiny", tmp_path / "out")
    assert hub.agents
    for agent in hub.agents:
        assert re.fullmatch(r"breastseg/[\d.]+; hf_hub/[\d.]+; python/[\d.]+", agent)


def test_a_missing_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'breastseg\[hub\]'"):
        pull("lab/tiny", tmp_path / "out")


def test_the_commands_push_and_pull(hub: Hub, tiny_bundle: Bundle, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "home")}

    def breastseg(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "breastseg", "models", *words],
            capture_output=True,
            text=True,
            env=environment,
        )

    sent = breastseg("push", str(tiny_bundle.path), "lab/sent", "--private")
    assert (sent.returncode, sent.stdout) == (0, f"{hub.address}/lab/sent\n")
    assert "# tiny" in hub.repositories["lab/sent"].commits[-1]["README.md"].decode()
    got = breastseg("pull", "lab/sent", "--out", str(tmp_path / "got"))
    assert (got.returncode, got.stdout) == (
        0,
        f"{tmp_path / 'got'}: model 'tiny', every file as its card says\n",
    )
    wrong = breastseg("pull", "lab/none", "--out", str(tmp_path / "none"))
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1), wrong.stderr
    assert not any(
        TOKEN in text for done in (sent, got, wrong) for text in (done.stdout, done.stderr)
    )


def test_a_users_mistake_is_an_exit_status(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "pull", "lab/none", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("breastseg: lab/none: not found")
    assert issubclass(InputError, BreastsegError)
