"""What becomes of the slides of a run as they end, on this machine or on others: rows of the
tables, lines for a person, and the results that are whole."""

from pathlib import Path

from breastseg.errors import BreastsegError
from breastseg.inference.inputs import Input, Inputs
from breastseg.inference.ledger import Ledger, Outcome, as_written
from breastseg.maps.record import Measures, RunRecord
from breastseg.reporter import Reporter


class Course:
    """The course of a run.

    Attributes:
        named: the slides.
        alone: whether a single slide is asked for, whose error is the run's.
        part: the shard, as in 3/8; empty where the run is the whole.
    """

    def __init__(self, named: Inputs, out: Path, ledger: Ledger, reporter: Reporter) -> None:
        """Report what is left out, and write down that all wait."""
        self.named = named
        self.alone = len(named.items) == 1 and not ledger.of_shard
        self.part = ledger.part
        self._out = out
        self._ledger = ledger
        self._reporter = reporter
        # Before begin(), which writes the table anew.
        self._seconds_before = ledger.seconds_before()
        self._results: dict[int, RunRecord] = {}
        for left_out in named.left_out:
            reporter.message(str(left_out))
        ledger.begin(named)

    def done(self, place: int, result: RunRecord, seconds: float | None) -> None:
        """Take a whole result.

        Args:
            place: of the slide among the items.
            result: what its run.json says.
            seconds: what it took; None where it was whole already.
        """
        item = self.named.items[place]
        if seconds is None:
            seconds_text = self._seconds_before.get(as_written(item.shown), "")
        else:
            seconds_text = f"{seconds:.1f}"
        outcome = Outcome(
            item.name,
            item.shown,
            "done",
            folder=str(self._out / item.name),
            warnings=result.doubts,
            measures=result.measures | patient_of(item),
        )
        self._reporter.event(outcome)  # by whom it is sent away, which may fail
        self._results[place] = result
        row = {"outcome": "done", "result": item.name, "seconds": seconds_text}
        self._ledger.note(place, _row(item) | row)
        for doubt in result.doubts:
            self._reporter.message(f"warning: {item.shown}: {doubt}")

    def failed(self, place: int, error: BreastsegError, seconds: float) -> None:
        """Take a failure; that of the only slide is raised."""
        item = self.named.items[place]
        row = {"outcome": "failed", "cause": str(error), "seconds": f"{seconds:.1f}"}
        self._ledger.note(place, _row(item) | row)
        self._reporter.event(Outcome(item.name, item.shown, "failed", str(error)))
        if self.alone:
            raise error
        self._reporter.message(f"failed: {error}")

    def stopped(self, place: int) -> None:
        """Write down that the run ended in the middle of a slide."""
        self._ledger.note(place, _row(self.named.items[place]) | {"outcome": "stopped"})

    def results(self) -> list[tuple[Input, RunRecord]]:
        """Return what run.json says of those that are done, in the order of the inputs."""
        results = []
        # Other machines end in any order.
        for place in sorted(self._results):
            results.append((self.named.items[place], self._results[place]))
        return results


def patient_of(item: Input) -> Measures:
    """Return a slide's patient as a column of measures.csv, where the table names one."""
    return {} if item.patient is None else {"patient": item.patient}


def _row(item: Input) -> dict[str, str]:
    return {"slide": item.shown, "patient": item.patient or ""}
