"""What the container files say of the project: neither can be built where the tests run."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DOCKER = (TOP / "Dockerfile").read_text(encoding="utf-8")
APPTAINER = (TOP / "apptainer.def").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [DOCKER, APPTAINER])
def test_base_and_extras_are_those_of_the_project(text: str) -> None:
    bases = set(re.findall(r"^(?:FROM|From:) (\S+)", text, re.MULTILINE))
    assert len(bases) == 1
    found = re.fullmatch(r"python:3\.(\d+)-slim-bookworm", bases.pop())
    assert found is not None
    lowest = re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])
    assert lowest is not None
    assert int(found[1]) >= int(lowest[1])
    installed = re.findall(r"pip install --no-cache-dir -c constraints\.txt '\.\[(.*?)\]'", text)
    assert installed == ["serve,cloud"]
    assert set(installed[0].split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_command_is_run_and_not_as_root() -> None:
    last = DOCKER.rpartition("\nFROM ")[2]
    lines = last.splitlines()
    assert 'ENTRYPOINT ["breastseg"]' in lines
    assert "breastseg" in PROJECT["scripts"]
    assert lines.index("USER breastseg") < lines.index('ENTRYPOINT ["breastseg"]')
    assert "apt-get" not in DOCKER
    assert "pip install" not in last  # what installs stays in the first stage
    assert 'exec breastseg "$@"' in APPTAINER


def test_what_is_copied_is_there_and_let_through() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKER, re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    rules = (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in names:
        assert (TOP / name).exists(), name
        assert f"!{name}" in rules, name
        assert f"    {name} /source/{name}" in APPTAINER.splitlines(), name
    assert "*" in rules
    needed = {PROJECT["readme"], *PROJECT["license-files"], "pyproject.toml", "src"}
    assert needed <= set(names)
    assert not any(fnmatch("src/breastseg/cli/main.py", rule) for rule in rules if rule != "*")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="asks /proc, as a container has it")
def test_the_health_check_asks_serve_alone() -> None:
    line = next(line for line in DOCKER.splitlines() if line.startswith("HEALTHCHECK"))
    words = json.loads(line.partition("CMD ")[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for command, is_up, wanted in (
            ("serve", True, 0),
            ("serve", False, 1),
            ("predict", False, 0),
        ):
            if not is_up:
                server.close()
            sleeper = [sys.executable, "-c", "input()", command]
            with subprocess.Popen(sleeper, stdin=subprocess.PIPE) as running:
                code = words[2].replace("/proc/1/", f"/proc/{running.pid}/")
                code = code.replace("8100", str(port))
                done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
                running.communicate(os.linesep.encode())
            assert done.returncode == wanted, (command, is_up)


def test_the_health_check_asks_the_port_of_serve() -> None:
    from breastseg.serve.config import ServeConfig

    port = ServeConfig.__dataclass_fields__["port"].default
    assert f"'127.0.0.1', {port})" in DOCKER
    assert f"EXPOSE {port}" in DOCKER
