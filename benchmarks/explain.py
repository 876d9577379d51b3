"""How long a person waits after a click on "Why here?": the model and the slide are open, as they
are in the browser after the first click.

Wall and CPU seconds (this process and the network's) of each click, the median of several places,
and of the first one, which opens the slide and compiles the network.
Target: under 1 s of wall time on two quiet cores.

    python benchmarks/explain.py SLIDE [--mpp UM/PX] [--model MODEL] [--clicks N]
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from breastseg.errors import InputError
from breastseg.explain import explain_place, look_at
from breastseg.images import open_slide
from breastseg.inference.model import Model, load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("slide")
    parser.add_argument("--mpp", type=float)
    parser.add_argument("--model", default="breast2")
    parser.add_argument("--clicks", type=int, default=9)
    given = parser.parse_args()
    model = load_model(given.model)
    with closing(open_slide(given.slide, mpp=given.mpp)) as slide:
        start, before = time.perf_counter(), cpu_s(model)
        plan = look_at(slide, model)
        clicks = []
        for place in places(slide.size_px):
            try:
                explain_place(slide, plan, model, place)
            except InputError:  # glass
                continue
            clicks.append((time.perf_counter() - start, cpu_s(model) - before))
            if len(clicks) > given.clicks:
                break
            start, before = time.perf_counter(), cpu_s(model)
    print(f"{model.backend}: the first click {clicks[0][0]:.2f} s, {clicks[0][1]:.2f} CPU-s")
    for name, column in (("wall s", 0), ("CPU-s", 1)):
        later = [click[column] for click in clicks[1:]]
        print(
            f"{len(later)} clicks, {name}: {statistics.median(later):.2f} ({max(later):.2f} most)"
        )


def places(size_px: tuple[int, int]) -> Iterator[tuple[float, float]]:
    """Yield the same places each time, anywhere on the slide."""
    rng = np.random.default_rng(0)
    for _ in range(1000):
        x, y = rng.random(2) * size_px
        yield float(x), float(y)


def cpu_s(model: Model) -> float:
    """Return CPU seconds of this process and of the network's, until now."""
    pid = getattr(model.runner, "pid", None)
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return time.process_time() + (int(words[11]) + int(words[12])) / 100


if __name__ == "__main__":
    main()
