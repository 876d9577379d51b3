"""The snippets of docs/cluster.md do what the page says: a loop plays the scheduler."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from breastseg.bundles.bundle import Bundle
from conftest import crop

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
PLACES = ("a.tif", "b 1.tif", "site 2/a.tif", "site 2/日本.tif", "site 3/c.tif")
SHARDS = 2


def snippet(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def cluster(tmp_path: Path, lively_bundle: Bundle) -> dict[str, str]:
    """Slides, what one machine makes of them, and `breastseg` with a tiny model on the path."""
    for number, place in enumerate(PLACES):
        path = tmp_path / "slides" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        left = 16 * number
        picture = Image.fromarray(crop(number % 3)[left : left + 64, left : left + 64])
        picture.save(path, dpi=(50_800, 50_800))  # 0.5 um/px
    shim = tmp_path / "bin" / "breastseg"
    shim.parent.mkdir()
    tiny = f'--model "{lively_bundle.path}" --backend onnx --threads 1'
    shim.write_text(
        "#!/bin/bash\n"
        f'[ "$1" = predict ] && set -- "$@" {tiny}\n'
        f'exec "{sys.executable}" -m breastseg "$@"\n'
    )
    shim.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}",
        "SLIDES": str(tmp_path / "slides"),
        "MAPS": str(tmp_path / "maps"),
        "SHARDS": str(SHARDS),
    }
    bash('breastseg predict "$SLIDES" --out "$MAPS/../one" --precision fp32', environment)
    return environment


def bash(script: str, environment: dict[str, str], place: Path | None = None) -> str:
    done = subprocess.run(
        ["bash", "-ue", "-c", script],
        env=environment,
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_whole(tmp_path: Path, maps: Path) -> None:
    one = (tmp_path / "one" / "measures.csv").read_bytes()
    assert (maps / "measures.csv").read_bytes() == one
    assert one.count(b"\n") == len(PLACES) + 1


def test_the_array_of_slurm(cluster: dict[str, str], tmp_path: Path) -> None:
    script = snippet("bash").replace("SHARDS=8", f"SHARDS={SHARDS}")
    assert f"SHARDS={SHARDS}" in script
    for number in range(1, SHARDS + 1):
        bash(script, {**cluster, "SLURM_ARRAY_TASK_ID": str(number)})
    bash('breastseg gather "$MAPS"', cluster)
    assert_whole(tmp_path, tmp_path / "maps")
    lines = [
        json.loads(line)
        for number in range(1, SHARDS + 1)
        for line in (tmp_path / f"maps.{number}.jsonl").read_text().splitlines()
    ]
    assert sorted(line["slide"] for line in lines) == sorted(
        str(tmp_path / "slides" / place) for place in PLACES
    )


def test_the_indexed_job_of_kubernetes(cluster: dict[str, str], tmp_path: Path) -> None:
    spec = yaml.safe_load(snippet("yaml"))["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert given["SHARDS"] == str(spec["completions"])
    assert container["command"] == ["bash", "-c"]
    for index in range(SHARDS):
        bash(container["args"][0], {**cluster, "JOB_COMPLETION_INDEX": str(index)})
    bash('breastseg gather "$MAPS"', cluster)
    assert_whole(tmp_path, tmp_path / "maps")


def test_the_scripts_of_nextflow(cluster: dict[str, str], tmp_path: Path) -> None:
    """Its two scripts, with the names filled in as Nextflow does; Nextflow itself does not run."""
    predicting, gathering = re.findall(r'"""\n(.*?)"""', snippet("groovy"), re.DOTALL)
    gathered = tmp_path / "work" / "gathered"
    gathered.mkdir(parents=True)
    for number in range(1, SHARDS + 1):
        place = tmp_path / "work" / str(number)
        place.mkdir()
        (place / "slides").symlink_to(tmp_path / "slides")
        (gathered / f"part{number}").symlink_to(place / "maps")
        known = {"shard": number, "shards": SHARDS, "task.cpus": 1}
        bash(filled(predicting, known), cluster, place)
    bash(filled(gathering, {}), cluster, gathered)
    assert_whole(tmp_path, gathered / "maps")


def filled(script: str, known: dict[str, int]) -> str:
    """Return a script as Groovy makes it of a string."""
    for name in sorted(known, key=len, reverse=True):
        script = re.sub(rf"(?<!\\)\${re.escape(name)}\b", str(known[name]), script)
    return script.replace("\\$", "$").replace("\\\\", "\\")
