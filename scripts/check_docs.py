"""Check the docs: every relative link leads somewhere, every file tree names what is there, every
command's options exist."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
CLI = ROOT / "src" / "breastseg" / "cli"
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(breastseg [a-z]+ .*)$", re.MULTILINE)
TREE = re.compile(r"^(src|scripts|tests|docs|benchmarks|examples)/\S*", re.MULTILINE)


def documents() -> list[Path]:
    """List the tracked Markdown files."""
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [ROOT / name for name in listed]


@cache
def known_options(*command: str) -> set[str]:
    """Return the options that the help of a command, or of an action of one, names."""
    shown = subprocess.run(
        [sys.executable, "-m", "breastseg", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(re.findall(r"--[a-z][a-z0-9-]*", shown))


def faults(path: Path) -> list[str]:
    """Return what is wrong with one document."""
    text = path.read_text(encoding="utf-8")
    found = [
        f"{path.name}: link to {link}, which is not there"
        for link in LINK.findall(text)
        if not (path.parent / link).exists()
    ]
    found += [
        f"{path.name}: names {m.group(0)}, which is not there"
        for m in TREE.finditer(text)
        if not (ROOT / m.group(0)).exists()
    ]
    for line in COMMAND.findall("\n".join(FENCED.findall(text)).replace("\\\n", " ")):
        words = shlex.split(line, comments=True)
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        has_actions = len(words) > 2 and (CLI / f"{words[1]}_{words[2]}.py").is_file()
        command = words[1:3] if has_actions else words[1:2]
        found += [
            f"{path.name}: {' '.join(command)} has no option {option}"
            for option in sorted(options - known_options(*command))
        ]
    return found


if __name__ == "__main__":
    wrong = [fault for path in documents() for fault in faults(path)]
    print(
        "\n".join(wrong)
        if wrong
        else f"docs: {len(documents())} documents, links, paths and commands are true"
    )
    sys.exit(bool(wrong))
