"""Whether other people use this machine: they reach what listens at 127.0.0.1, and see what
programs are called with."""

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PERSONS = range(1000, 60_001)
"""User ids of persons, by the custom of Linux."""
_FAR = 65_536
"""From here on ids are of persons in a directory, or of what runs in somebody's containers."""

_SESSIONS = {
    "SLURM_JOB_ID": "a Slurm job",
    "PBS_JOBID": "a PBS job",
    "LSB_JOBID": "an LSF job",
    "SGE_TASK_ID": "a Grid Engine job",
    "JUPYTERHUB_USER": "a JupyterHub",
    "SSH_CONNECTION": "an SSH session",
    "APPTAINER_CONTAINER": "an Apptainer container",
    "SINGULARITY_CONTAINER": "a Singularity container",
}
"""What is set where a machine is somebody else's too; an Apptainer container has its own list of
users, and the network of its machine."""
_DIRECTORIES = {"sss", "ldap", "winbind", "nis", "nisplus", "compat"}
"""Where nsswitch.conf lets names come from that no list on this machine has."""
_NO_LOGIN = ("nologin", "false", "sync")


@dataclass(frozen=True)
class Verdict:
    """Whether others use this machine, or may, and how that was seen, as the end of a sentence."""

    shared: bool
    why: str


def other_users(
    *,
    etc: Path = Path("/etc"),
    proc: Path = Path("/proc"),
    environ: Mapping[str, str] = os.environ,
    own: int | None = None,
) -> Verdict:
    """Look for other people on this machine, and say that there may be some where it cannot be
    seen.

    Shared is a machine that is reached by SSH, gives out jobs or runs Apptainer; where a person
    may log in who is not the user (for root, two: the one person of a machine is root too);
    where another person's programs run; whose names come from a directory such as LDAP; which
    hides the programs of others; and every system but Linux, whose lists are not read here. A
    container with one user is not.

    Args:
        etc: passwd and nsswitch.conf.
        proc: one folder a program.
        environ: of this program.
        own: the user's id; None is that of this program.
    """
    for name, session in _SESSIONS.items():
        if environ.get(name):
            return Verdict(True, f"this is {session}")
    if sys.platform != "linux":
        return Verdict(True, "this system does not tell who else uses it")
    own = os.getuid() if own is None else own
    try:
        people = _people(etc) - {own}
        # A mount option of /proc with which nobody sees the programs of others.
        mounts = (proc / "mounts").read_text()
        hidden = re.search(r"^\S+ \S+ proc \S*\bhidepid=(?!0|off)", mounts, re.MULTILINE)
        running = {user for user in _running(proc) if user in _PERSONS or user >= _FAR} - {own}
        directory = _has_directory(etc)
    except OSError as error:
        return Verdict(
            True, f"who else uses this machine cannot be seen ({error.strerror or error})"
        )
    most = 1 if own == 0 else 0  # root's one person
    if len(people) > most:
        return Verdict(True, "other people can log in on this machine")
    if running:
        whose = "another user" if len(running) == 1 else "other users"
        return Verdict(True, f"programs of {whose} run on this machine")
    if directory:
        return Verdict(True, "the users of this machine come from a directory")
    if hidden:
        return Verdict(True, "this machine hides the programs of its users")
    return Verdict(False, "nobody else can log in on this machine or runs a program on it")


def _running(proc: Path) -> set[int]:
    """Return the ids of all whose programs run."""
    users = set()
    for place in proc.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            # /proc has a folder named by its number for each program, which its user owns.
            if place.name.isdecimal():
                users.add(place.stat().st_uid)
    return users


def _people(etc: Path) -> set[int]:
    """Return the ids of the persons who may log in."""
    people = set()
    for line in (etc / "passwd").read_text(encoding="utf-8", errors="replace").splitlines():
        # name:password:id:group:comment:home:shell
        parts = line.split(":")
        if len(parts) < 7 or not parts[2].isdecimal():
            continue
        user, shell = int(parts[2]), parts[6].strip()
        if user in _PERSONS and not shell.endswith(_NO_LOGIN):
            people.add(user)
    return people


def _has_directory(etc: Path) -> bool:
    """Return whether names of users come from elsewhere too."""
    try:
        text = (etc / "nsswitch.conf").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    line = re.search(r"^\s*passwd\s*:(.*)$", text, re.MULTILINE)
    if line is None:
        return False
    services = line[1].partition("#")[0].split()  # a comment may follow
    return bool(_DIRECTORIES & set(services))
