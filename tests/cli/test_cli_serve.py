"""breastseg serve: one line when it cannot, an address when it can, and an orderly end."""

import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

pytest.importorskip("fastapi")

from breastseg.cli import main
from breastseg.cli import serve as command
from breastseg.cli.main import parser_of
from breastseg.errors import InputError
from breastseg.reporter import Reporter
from breastseg.serve.config import ServeConfig
from breastseg.serve.others import Verdict
from breastseg.serve.web import run
from breastseg.serve.web.run import address_of, listening, serve
from serve_app import small_folder

SIGNALLED = """
import signal, sys
from pathlib import Path
import uvicorn
from breastseg.reporter import Reporter
from breastseg.serve.config import ServeConfig
from breastseg.serve.web.run import serve

number, moment, folder = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
make, before = uvicorn.Config.get_loop_factory, signal.getsignal(number)

def heard(line):
    if moment == "the address is said":
        signal.raise_signal(number)

def late(config):
    signal.raise_signal(number)
    return make(config)

if moment == "the loop is made":
    uvicorn.Config.get_loop_factory = late
try:
    serve(ServeConfig(folder, port=0), open_browser=False,
          reporter=Reporter(heard))
except (SystemExit, KeyboardInterrupt) as ended:
    print(repr(ended))
assert signal.getsignal(number) is before
"""
"""Serves, and is sent a signal at a moment that no timing from outside would meet."""


@contextmanager
def served(
    *arguments: str | Path, token: str = "--no-token"
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command in a process of its own; yield it and its first line."""
    command = [
        sys.executable,
        "-u",
        "-m",
        "breastseg",
        "serve",
        *map(str, arguments),
        "--no-open",
        *([token] if token else []),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "slides")
    with served(folder, "--port", "0") as (process, line):
        found = re.fullmatch(
            re.escape(str(folder))
            + r": 4 slides or images, at (http://127\.0\.0\.1:\d+/) \(Ctrl-C ends\)\n",
            line,
        )
        assert found, line
        with urllib.request.urlopen(found[1] + "api/gallery", timeout=300) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert (folder / "breastseg").is_dir()


def test_an_empty_folder_is_served_and_sigterm_ends_it(tmp_path: Path) -> None:
    with served(tmp_path, "--port", "0", "--out", tmp_path / "maps") as (process, line):
        assert ": no slides or images, at http://127.0.0.1:" in line
        process.terminate()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 143
    assert errors == ""


@pytest.mark.parametrize("moment", ["the address is said", "the loop is made"])
@pytest.mark.parametrize(
    ("number", "ended"),
    [(signal.SIGTERM, "SystemExit(143)"), (signal.SIGINT, "KeyboardInterrupt()")],
)
def test_a_signal_before_it_runs_is_heeded(
    number: int, ended: str, moment: str, tmp_path: Path
) -> None:
    # In a process of its own: a signal that is not heeded would end pytest.
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        SIGNALLED,
        str(int(number)),
        moment,
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == (f"{ended}\n", "")


def test_beyond_this_machine_the_address_has_a_token(tmp_path: Path) -> None:
    with served(tmp_path, "--port", "0", "--host", "0.0.0.0", token="") as (_, line):
        found = re.search(r":(\d+)/\?token=([\w-]{40,})", line)
        assert found, line
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=300)
        with urllib.request.urlopen(
            urllib.request.Request(
                f"http://127.0.0.1:{found[1]}/api/gallery",
                headers={"Authorization": f"Bearer {found[2]}"},
            ),
            timeout=300,
        ) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("shared", [True, False])
def test_a_token_is_asked_for_where_others_use_this_machine(
    shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "other_users", lambda: Verdict(shared, "so it was seen"))
    monkeypatch.setattr(run.uvicorn.Server, "run", lambda server, sockets: None)
    said: list[str] = []
    serve(ServeConfig(tmp_path, port=0), open_browser=False, reporter=Reporter(said.append))
    assert ("/?token=" in said[0]) == shared
    line = (
        "Everybody is asked for the token of this address, because so it was seen (--no-token asks"
        " for none)."
    )
    assert said[1] == (
        line
        if shared
        else "Nobody is asked for a token, because so it was seen (--token asks for one)."
    )
    for asked, start in [(True, "Everybody is asked"), (False, "Nobody is asked")]:
        said.clear()
        serve(
            ServeConfig(tmp_path, port=0),
            ask_token=asked,
            open_browser=False,
            reporter=Reporter(said.append),
        )
        assert ("/?token=" in said[0], said[1].startswith(start)) == (asked, True)


def test_the_token_is_on_no_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody on a machine sees what a browser is called with."""
    called: list[tuple[str, str, int, int]] = []

    def see(address: str) -> None:
        page = Path(url2pathname(urlsplit(address).path))
        called.append(
            (
                address,
                page.read_text(encoding="utf-8"),
                page.stat().st_mode & 0o77,
                page.parent.stat().st_mode & 0o77,
            )
        )

    monkeypatch.setattr(run.webbrowser, "open", see)
    monkeypatch.setattr(run, "_has_screen", lambda: True)
    monkeypatch.setattr(run.uvicorn.Server, "run", lambda server, sockets: None)
    said: list[str] = []
    serve(ServeConfig(tmp_path, port=0), ask_token=True, reporter=Reporter(said.append))
    token = re.search(r"token=([\w-]{40,})", said[0])
    assert token
    [(address, page, _, others)] = called
    assert address.startswith("file://")
    assert token[1] not in address
    assert token[1] in page
    assert others == 0
    assert not Path(url2pathname(urlsplit(address).path)).parent.exists()
    called.clear()
    monkeypatch.setattr(run.webbrowser, "open", lambda address: called.append((address, "", 0, 0)))
    serve(ServeConfig(tmp_path, port=0), ask_token=False, reporter=Reporter(said.append))
    assert called[0][0].startswith("http://127.0.0.1:")


def test_a_second_server_on_one_folder_of_results_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(tmp_path, "--port", "0"):
        assert main(["serve", str(tmp_path), "--port", "0", "--no-open"]) == 2
    assert "another run is writing there now" in capsys.readouterr().err


def test_a_port_in_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", str(tmp_path), "--port", str(port), "--no-open"]) == 2
    said = (
        f"breastseg: port {port}: in use by another program; choose another with --port, 0 takes"
        " any free one\n"
    )
    assert capsys.readouterr().err == said
    assert not (tmp_path / "breastseg").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothere"], "nothere: no such folder, wanted a folder with slides or images"),
        (["a.svs"], "a.svs: is a file, wanted a folder with slides or images"),
        ([".", "--port", "70000"], "port 70000: wanted 1 to 65535, or 0 for any that is free"),
        (
            [".", "--host", "no.such.host.invalid"],
            "host 'no.such.host.invalid': not an address of this machine",
        ),
        (
            [".", "--host", "0.0.0.0", "--no-token"],
            (
                "host 0.0.0.0: other machines are let in by a token alone; leave --no-token out, or"
                " --host"
            ),
        ),
        ([".", "--host", "192.0.2.1"], "192.0.2.1, port 8100: cannot listen there"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.svs").write_bytes(b"")
    assert main(["serve", *arguments, "--no-open"]) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"breastseg: {said}")
    assert line.count("\n") == 1


def test_without_the_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("breastseg.serve.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["serve", "."]) == 2
    assert (
        capsys.readouterr().err
        == "breastseg: serve: uvicorn is not installed; pip install 'breastseg[serve]'\n"
    )


def test_addresses_can_be_opened(tmp_path: Path) -> None:
    assert address_of(ServeConfig(tmp_path), 8100) == "http://127.0.0.1:8100/"
    assert address_of(ServeConfig(tmp_path, "::1"), 81) == "http://[::1]:81/"
    assert (
        address_of(ServeConfig(tmp_path, "0.0.0.0", token="a-b"), 81)
        == f"http://{socket.gethostname()}:81/?token=a-b"
    )


def test_a_port_that_was_just_left_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(5):  # between leaving and taking another program may be given it
        with listening(ServeConfig(tmp_path, port=0)) as first:
            port = first.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as line:
                first.accept()[0].close()
                line.recv(1)
        with suppress(InputError):
            listening(ServeConfig(tmp_path, port=port)).close()
            return
    pytest.fail("in use, five times")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    options = parser_of("serve").parse_args(["serve", str(tmp_path / "gone"), "--no-open"])
    assert (options.host, options.port, options.token) == (None, None, None)
    with pytest.raises(InputError, match="gone"):
        command.run(options)
