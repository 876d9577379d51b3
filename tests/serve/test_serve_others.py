"""Whether other people use this machine: what lists and folders of a made-up one say."""

import os
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from breastseg.serve import others
from breastseg.serve.others import other_users

SYSTEM = [
    "root:x:0:0::/root:/bin/bash",
    "daemon:x:1:1::/:/usr/sbin/nologin",
    "nobody:x:65534:65534::/:/usr/sbin/nologin",
    "torn:x",
]
ANNA, BERT, MAIL = (
    "anna:x:1000:1000::/home/anna:/bin/bash",
    "bert:x:1001:1001::/home/bert:/bin/zsh",
    "mail:x:1005:8::/:/usr/sbin/nologin",
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return folders `etc` and `proc` of a machine on which nobody is."""
    monkeypatch.setattr(others.sys, "platform", "linux")
    for name in ("etc", "proc"):
        (tmp_path / name).mkdir()
    (tmp_path / "proc" / "mounts").write_text("proc /proc proc rw,nosuid 0 0\n")
    (tmp_path / "etc" / "nsswitch.conf").write_text(
        "passwd:         files systemd\ngroup: files sss\n"
    )
    return tmp_path


def seen(machine: Path, *people: str, own: int = 1000, **environ: str) -> tuple[bool, str]:
    (machine / "etc" / "passwd").write_text("\n".join([*SYSTEM, *people]) + "\n")
    found = other_users(etc=machine / "etc", proc=machine / "proc", environ=environ, own=own)
    return found.shared, found.why


ALONE = (False, "nobody else can log in on this machine or runs a program on it")


@pytest.mark.parametrize(
    ("people", "own", "shared"),
    [
        ((ANNA,), 1000, False),
        ((ANNA, MAIL), 1000, False),
        ((), 0, False),
        ((ANNA,), 0, False),
        ((), 65534, False),
        ((), 12345, False),
        ((ANNA, BERT), 1000, True),
        ((ANNA, BERT), 0, True),
        ((BERT,), 1000, True),
        ((ANNA,), 999, True),
    ],
)
def test_it_is_shared_where_another_person_can_log_in(
    machine: Path, people: tuple[str, ...], own: int, shared: bool
) -> None:
    """A machine's one person is root too: two are wanted then."""
    assert seen(machine, *people, own=own) == (
        (True, "other people can log in on this machine") if shared else ALONE
    )


@pytest.mark.parametrize(
    "name",
    [
        "SSH_CONNECTION",
        "SLURM_JOB_ID",
        "JUPYTERHUB_USER",
        "PBS_JOBID",
        "LSB_JOBID",
        "SGE_TASK_ID",
        "APPTAINER_CONTAINER",
    ],
)
def test_it_is_shared_where_it_is_reached_from_elsewhere_or_gives_out_jobs(
    machine: Path, name: str
) -> None:
    assert seen(machine, ANNA, **{name: ""}) == ALONE
    found, why = seen(machine, ANNA, **{name: "7"})
    assert found
    assert why.startswith(("this is a ", "this is an "))


@pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0, reason="gives files to others, which root alone can"
)
@pytest.mark.parametrize(
    ("user", "shared"),
    [
        (0, False),
        (1000, False),
        (101, False),
        (65534, False),
        (61234, False),
        (1007, True),
        (200_123, True),
    ],
)
def test_it_is_shared_where_another_person_runs_a_program(
    machine: Path, user: int, shared: bool
) -> None:
    (machine / "proc" / "77").mkdir()
    (machine / "proc" / "net").mkdir()
    os.chown(machine / "proc" / "77", user, user)
    os.chown(machine / "proc" / "net", 1009, 1009)
    assert seen(machine, ANNA) == (
        (True, "programs of another user run on this machine") if shared else ALONE
    )


@pytest.mark.parametrize(
    "line", ["passwd: files sss", " passwd:\tfiles ldap # all", "passwd: compat"]
)
def test_it_counts_as_shared_where_users_come_from_a_directory(machine: Path, line: str) -> None:
    (machine / "etc" / "nsswitch.conf").write_text(f"# passwd: nis\n{line}\n")
    assert seen(machine, ANNA) == (True, "the users of this machine come from a directory")
    (machine / "etc" / "nsswitch.conf").unlink()
    assert seen(machine, ANNA) == ALONE


def test_it_counts_as_shared_where_it_cannot_be_told(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option, hidden in [
        ("hidepid=0", False),
        ("hidepid=off", False),
        ("hidepid=2", True),
        ("hidepid=invisible", True),
    ]:
        (machine / "proc" / "mounts").write_text(
            f"none /tmp tmpfs rw,hidepid=2 0 0\nproc /proc proc rw,{option},gid=7 0 0\n"
        )
        assert seen(machine, ANNA) == (
            (True, "this machine hides the programs of its users") if hidden else ALONE
        )
    (machine / "proc" / "mounts").unlink()
    assert seen(machine, ANNA) == (
        True,
        "who else uses this machine cannot be seen (No such file or directory)",
    )
    monkeypatch.setattr(others.sys, "platform", "darwin")
    assert seen(machine, ANNA) == (True, "this system does not tell who else uses it")
