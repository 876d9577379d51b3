"""What must agree among the project's own files: versions, checks, workflows."""

import re
from pathlib import Path

import yaml

import breastseg

ROOT = Path(__file__).parents[2]


def test_one_version_everywhere() -> None:
    version = re.escape(breastseg.__version__)
    for name, wanted in (
        ("pyproject.toml", rf'^version = "{version}"$'),
        ("CITATION.cff", rf"^version: {version}$"),
        ("CHANGELOG.md", rf"^## \[{version}\] - "),
    ):
        assert re.search(wanted, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE), name


def test_a_commit_is_checked_by_what_scripts_check_runs() -> None:
    tools = {"ruff format", "ruff check", "mypy", "lint-imports", "scripts/check_docs.py"}
    check = (ROOT / "scripts" / "check").read_text(encoding="utf-8")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    for tool in tools:
        assert tool in check
        assert sum(tool in entry for entry in entries) == 1, tool
    assert len(entries) == len(tools)


def test_workflows_run_scripts_that_are_there() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
            commands = [step["run"] for step in job["steps"] if "run" in step]
            assert commands
            for command in commands:
                assert (ROOT / command.split()[0]).is_file(), command


def test_tests_in_a_browser_look_through_locators_which_wait() -> None:
    """`querySelector` in the page's own `evaluate` found null where a page was late."""
    paths = [*(ROOT / "tests").rglob("test_*.py")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in paths}
    in_browser = {name: text for name, text in texts.items() if "\nfrom browser import" in text}
    assert len(in_browser) >= 7
    for name, text in in_browser.items():
        assert not re.search(r"querySelector\(|getElementById|wait_for_selector", text), name
