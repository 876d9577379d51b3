"""Learning from what is known of whole fields: draws, losses, pseudo-labels, and a run of it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import InputError, SplitError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.field_losses import absent_loss, field_loss, somewhere_loss, without_absent
from breastseg.reporter import Reporter
from breastseg.training.config import TrainConfig
from breastseg.training.history import History
from breastseg.training.segmentation import Segmenter
from breastseg.training.train import train
from conftest import paint, quiet, tcga
from field_data import ROWS, dataset, field

TUMOR, STROMA, INFLAMMATORY, NECROSIS, OTHER = range(5)
TINY = TrainConfig(
    encoder_weights="none",
    decoder_channels=(16, 16, 16, 16, 16),
    output_stride=4,
    crop_px=32,
    batch=4,
    epochs=4,
    crops_per_epoch=16,
    precision="32",
    tile_px=128,
    halo_px=32,
    lr=3e-3,
    augment="strong",
    fields=0.5,
    ema=0.9,
    pseudo=0.21,
    white_as="other",
)


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return dataset(tmp_path, ROWS)


def logits_of(*probabilities: tuple[float, ...]) -> torch.Tensor:
    """Return logits (1, K, 1, N) of N pixels with these probabilities."""
    return torch.tensor(probabilities, dtype=torch.float64).log().T[None, :, None, :]


def test_the_loss_of_absent_classes_by_hand() -> None:
    logits = logits_of((0.5, 0.3, 0.2), (0.1, 0.1, 0.8))
    one = absent_loss(logits, torch.tensor([[True, False, False]]))
    assert one.item() == pytest.approx(-(math.log(0.5) + math.log(0.9)) / 2, rel=1e-6)
    two = absent_loss(logits, torch.tensor([[True, True, False]]))
    assert two.item() == pytest.approx(-(math.log(0.2) + math.log(0.8)) / 2, rel=1e-6)


def test_the_loss_of_classes_somewhere_by_hand() -> None:
    """The likeliest tenth of 20 pixels is two."""
    pixels = [(0.6, 0.4), (0.8, 0.2), *[(0.1, 0.9)] * 18]
    logits = logits_of(*pixels)
    for chance in (1.0, 0.6):
        loss = somewhere_loss(logits, torch.tensor([[chance, 0.0]]))
        assert loss.item() == pytest.approx(-math.log(1 - chance + chance * 0.7), rel=1e-6)


FACTS = torch.tensor([[-1, 0, 1.0, 0], [0, 0.6, 0, -1], [0, 0, 0, 0]])


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 4, 5, requires_grad=True)
    field_loss(logits, FACTS).backward()
    assert logits.grad is not None
    step = 1e-2
    for place in ((0, 0, 1, 2), (0, 2, 3, 4), (1, 1, 0, 0), (1, 3, 2, 1), (2, 0, 0, 0)):
        nearby = [logits.detach().clone() for _ in range(2)]
        nearby[0][place] += step
        nearby[1][place] -= step
        up, down = (field_loss(one, FACTS).item() for one in nearby)
        assert logits.grad[place].item() == pytest.approx((up - down) / (2 * step), abs=2e-4)
    assert not logits.grad[2].any(), "of the third crop nothing is known"


def test_a_network_that_is_sure_and_wrong_still_learns() -> None:
    """By probabilities in single precision both losses would be endless, without a gradient."""
    logits = torch.zeros(1, 3, 4, 4)
    logits[:, 0] = 200.0
    for facts in (torch.tensor([[-1.0, 0, 0]]), torch.tensor([[0, 1.0, 0]])):
        found = logits.clone().requires_grad_()
        loss = field_loss(found, facts)
        loss.backward()
        assert 190 < loss.item() < 210
        assert found.grad is not None
        assert torch.isfinite(found.grad).all()
        assert found.grad[:, 0].sum() > 0.5


def test_what_may_not_be_there_is_hardly_forced() -> None:
    logits = torch.zeros(1, 2, 4, 4)
    logits[:, 0] = 20.0
    found = logits.requires_grad_()
    somewhere_loss(found, torch.tensor([[0.0, 0.5]])).backward()
    assert found.grad is not None
    assert found.grad.abs().sum() < 1e-6


def test_where_nothing_is_known_there_is_no_loss() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = field_loss(logits, torch.zeros(2, 3))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_probabilities_without_an_absent_class_add_up_to_one() -> None:
    found = torch.softmax(
        without_absent(logits_of((0.6, 0.3, 0.1)), torch.tensor([[-1.0, 0, 0]])), dim=1
    )
    assert found.flatten().tolist() == pytest.approx([0, 0.75, 0.25])


def segmenter(**changes: object) -> Segmenter:
    torch.manual_seed(0)
    config = replace(TINY, augment="none", **changes)  # type: ignore[arg-type]
    network = build(NetworkConfig("unet", config.encoder, 5, config.decoder_channels))
    return Segmenter(network, config, classes=5, steps=100)


def test_the_step_adds_the_loss_of_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    module = segmenter(ema=0.0, pseudo=0.0, loss="ce").eval()
    monkeypatch.setattr(module, "log", lambda *_, **__: None)
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 3, (3, 32, 32), dtype=torch.uint8)
    facts = torch.tensor([[-1.0, 0, 0, 0, 0], [0] * 5, [0, 0.7, 0, 0, 0]])
    labels[[0, 2]] = 0
    dotted = torch.zeros(3, dtype=torch.bool)
    logits = module.network(pictures.float()).detach()
    expected = float(module.criterion(logits, labels) + field_loss(logits, facts))
    loss = module.training_step((pictures, labels, dotted, facts, torch.zeros_like(labels)), 0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


class _Undecided(torch.nn.Module):
    """A teacher that gives tumor 0.9 and stroma most of the rest."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        shares = torch.tensor([0.9, 0.096, 0.002, 0.001, 0.001]).log()
        return shares[None, :, None, None].expand(len(pictures), 5, *pictures.shape[2:])


def test_pseudo_labels_are_never_of_an_absent_class() -> None:
    module = segmenter(pseudo=0.85)
    assert module.averaged is not None
    module.averaged.module = _Undecided()
    labels = torch.zeros(2, 8, 8, dtype=torch.uint8)
    facts = torch.tensor([[-1.0, 0, 0, 0, 0], [0.0] * 5])
    logits = torch.randn(2, 5, 8, 8)
    loss = module._pseudo_loss(torch.zeros(2, 3, 8, 8), labels, logits, facts)
    logs = torch.log_softmax(logits, dim=1)
    by_hand = -(logs[0, STROMA].mean() + logs[1, TUMOR].mean()) / 2
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)


def trainable(data: Dataset) -> Dataset:
    """Split: every patient trains."""
    lines = "".join(f"{name},train\n" for name in sorted(set(data.regions["patient"])))
    (data.path.parent / "split.csv").write_text(f"patient,split\n{lines}")
    split(data, SplitConfig(str(data.path.parent / "split.csv"), val=0))
    return data


class _Stopped(Exception):
    """A stand-in for a kill."""


def test_a_run_that_stopped_ends_the_same(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainable(data)
    said: list[str] = []
    whole = train(data.path, tmp_path / "1" / "run", TINY, reporter=Reporter(said.append))
    assert (
        said[0]
        == "3 fields known as a whole (2 without tumor, 1 without necrosis, 1 with tumor, 1 with"
        " stroma): 50% of the crops"
    )
    start = History.on_train_epoch_start

    def stop(self: History, trainer: object, module: object) -> None:
        if trainer.current_epoch == 2:  # type: ignore[attr-defined]
            raise _Stopped
        start(self, trainer, module)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(History, "on_train_epoch_start", stop)
        with pytest.raises(_Stopped):
            train(data.path, tmp_path / "2" / "run", TINY, reporter=quiet)
    again = train(data.path, tmp_path / "2" / "run", TINY, reporter=quiet)
    assert again.card.files == whole.card.files
    histories = [(tmp_path / number / "run" / "metrics.csv").read_text() for number in "12"]
    assert histories[0] == histories[1]


def test_it_learns_what_a_field_is_without(tmp_path: Path) -> None:
    """Fields in the colours of tumor, said to be without it: with them the network names less of it
    there."""
    for patient in ("A001", "A002"):
        paint(tmp_path / "bcss", tcga("A2", patient), side=64)
    folder = tmp_path / "fields"
    folder.mkdir()
    with Image.open(tmp_path / "bcss" / "images" / f"{tcga('A2', 'A001')}.png") as image:
        image.crop((0, 0, 12, 64)).resize((64, 64)).save(folder / "a.png")
    (folder / "fields.csv").write_text("image,mpp,without\na.png,0.3,tumor\n")
    config = PrepareConfig(to_mpp=0.3, workers=1)
    data = prepare([tmp_path / "bcss", folder], tmp_path / "data", config, reporter=quiet)
    module, shares = segmenter(ema=0.0, pseudo=0.0, loss="ce"), []
    pictures = torch.from_numpy(np.array(data.image("a"))).permute(2, 0, 1)[None].float()
    facts = torch.tensor([[-1.0, 0, 0, 0, 0]])
    optimizer = torch.optim.Adam(module.network.parameters(), lr=1e-3)
    module.network.eval()
    for _ in range(8):
        logits = module.network(pictures)
        shares.append(float(torch.softmax(logits.detach(), 1)[:, TUMOR].mean()))
        optimizer.zero_grad()
        field_loss(logits, facts).backward()
        optimizer.step()
    assert shares[-1] < 0.5 * shares[0]


def test_a_class_that_fields_alone_know(tmp_path: Path) -> None:
    for patient in ("A001", "A002"):
        paint(tmp_path / "bcss", tcga("A2", patient), side=64, codes=(1, 2, 3, 9))
    field(tmp_path / "fields", "f0", blue=0)
    (tmp_path / "fields" / "fields.csv").write_text(
        "image,patient,mpp,with\nf0.png,P0,0.3,necrosis\n"
    )
    config = PrepareConfig(to_mpp=0.3, workers=1)
    sources = [tmp_path / "bcss", tmp_path / "fields"]
    data = trainable(prepare(sources, tmp_path / "data", config, reporter=quiet))
    told = (
        r"class 'necrosis' has no annotated pixel \(only 1 field said to have it somewhere\) in the"
        r" 3 training"
    )
    with pytest.raises(SplitError, match=told):
        train(data.path, tmp_path / "run", TINY, reporter=quiet)
    said: list[str] = []
    train(
        data.path,
        tmp_path / "run",
        replace(TINY, epochs=1, allow_absent_classes=True),
        reporter=Reporter(said.append),
    )
    assert (
        said[0]
        == "class 'necrosis' has no annotated pixel in training, only 1 field said to have it"
        " somewhere: a weak lesson"
    )


def test_a_validation_part_of_fields_chooses_nothing(data: Dataset, tmp_path: Path) -> None:
    lines = "".join(
        f"{name},{'val' if name == 'P0' else 'train'}\n"
        for name in sorted(set(data.regions["patient"]))
    )
    (tmp_path / "s.csv").write_text(f"patient,split\n{lines}")
    split(data, SplitConfig(str(tmp_path / "s.csv")))
    said: list[str] = []
    train(data.path, tmp_path / "run", replace(TINY, epochs=1), reporter=Reporter(said.append))
    assert "no pixel is annotated in the 1 region of split 'val': the last epoch is kept" in said
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_wrong_share_is_refused(share: float) -> None:
    with pytest.raises(InputError, match=r"fields .*: wanted 0 up to 1, less than all crops"):
        replace(TINY, fields=share)
