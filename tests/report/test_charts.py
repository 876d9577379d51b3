"""Charts of a page: lines to scale on axes that hold them."""

from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.evaluation.figures import Level
from breastseg.report.charts import HEIGHT, WIDTH, reliability_chart, training_charts

HISTORY = (
    "epoch,train_loss,val_loss,train_accuracy,val_accuracy,train_dice\n"
    "0,1.5,1.4,0.5,,0.3\n1,1.0,1.6,0.6,0.4,0.3\n2,0.5,1.8,0.7,0.5,0.3\n"
)


def test_training_is_drawn_to_scale(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text(HISTORY)
    loss, accuracy, dice = training_charts(tmp_path / "training.csv")
    assert (loss.title, accuracy.title, dice.title) == ("loss", "accuracy", "mean Dice")
    train, val = (line.points for line in loss.lines)
    assert train[0][0] == val[0][0] == loss.left
    assert train[2][0] == val[2][0] == loss.right
    assert train[1] == pytest.approx(
        ((loss.left + loss.right) / 2, (train[0][1] + train[2][1]) / 2), abs=0.1
    )
    assert train[0][1] < train[1][1] < train[2][1]  # down the page is down
    assert val[1][1] - val[2][1] == pytest.approx(0.4 * (train[1][1] - train[0][1]), abs=0.2)
    assert [label for _, label in loss.x_marks] == ["1", "2", "3"]
    assert [len(line.points) for line in accuracy.lines] == [3, 2]  # an empty cell is no point
    assert len(dice.lines) == 1  # and a missing column no line
    for chart in (loss, accuracy, dice):
        for x, y in [point for line in chart.lines for point in line.points]:
            assert 0 < x < WIDTH
            assert 0 < y < HEIGHT
        assert len(chart.y_marks) >= 2


@pytest.mark.parametrize("text", ["epoch,train_loss\n0,much\n", "step,train_loss\n0,1.0\n"])
def test_a_table_that_is_no_trainings(tmp_path: Path, text: str) -> None:
    (tmp_path / "training.csv").write_text(text)
    with pytest.raises(InputError, match=r"training\.csv: not a training's table"):
        training_charts(tmp_path / "training.csv")


def test_one_epoch_and_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "training.csv").write_text("epoch,train_loss\n0,1.0\n")
    (chart,) = training_charts(tmp_path / "training.csv")
    assert chart.lines[0].points == [
        pytest.approx(((chart.left + chart.right) / 2, (chart.top + chart.bottom) / 2))
    ]
    (tmp_path / "training.csv").write_text("epoch\n")
    assert training_charts(tmp_path / "training.csv") == []


def test_a_model_as_sure_as_it_is_right_lies_on_the_line() -> None:
    levels = [Level(from_=0, to=1, pixels=1, confidence=k / 10, accuracy=k / 10) for k in (3, 5, 8)]
    chart = reliability_chart(levels)
    rule, model = (line.points for line in chart.lines)
    assert rule == [(chart.left, chart.bottom), (chart.right, chart.top)]
    for x, y in model:
        assert (x - chart.left) / (chart.right - chart.left) == pytest.approx(
            (chart.bottom - y) / (chart.bottom - chart.top), abs=0.01
        )
