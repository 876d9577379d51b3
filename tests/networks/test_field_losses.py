"""Learning from what is known of whole fields: draws, losses, pseudo-labels, and a run of it."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from breastseg.data.crops import CropDraw, Crops
from breastseg.data.dataset import Dataset
from breastseg.data.field_crops import chance_of
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, split
from breastseg.errors import InputError, SplitError
from breastseg.networks.build import NetworkConfig, build
from breastseg.networks.field_losses import absent_loss, field_loss, somewhere_loss, without_absent
from breastseg.reporter import Reporter
from breastseg.training.config import TrainConfig
from breastseg.training.history import History
from breastseg.training.loader import Share, TrainBatches
from breastseg.training.segmentation import Segmenter
from breastseg.training.train import train
from conftest import paint, quiet, tcga

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


def field(folder: Path, name: str, *, blue: int, side: tuple[int, int] = (64, 96)) -> None:
    """Write a picture that tells where each pixel is: red is y, green is x."""
    folder.mkdir(parents=True, exist_ok=True)
    y, x = np.indices(side)
    pixels = np.stack([y, x, np.full_like(y, blue)], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(folder / f"{name}.png")


def dataset(folder: Path, rows: str) -> Dataset:
    """Prepare two painted regions of BCSS and fields named f0, f1 ... by their rows (mpp,
    facts)."""
    for patient in ("A001", "A002"):
        paint(folder / "bcss", tcga("A2", patient), side=64)
    lines = rows.strip().splitlines()
    for number in range(len(lines)):
        field(folder / "fields", f"f{number}", blue=10 * number)
    text = "".join(f"f{number}.png,P{number},{line}\n" for number, line in enumerate(lines))
    (folder / "fields" / "fields.csv").write_text(f"image,patient,mpp,without,with\n{text}")
    config = PrepareConfig(to_mpp=0.3, workers=1)
    return prepare([folder / "bcss", folder / "fields"], folder / "data", config, reporter=quiet)


ROWS = """
0.3,tumor,
0.3,,tumor
0.3,tumor;necrosis,stroma
"""


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return dataset(tmp_path, ROWS)


def crops(data: Dataset, size: int = 32, **changes: object) -> Crops:
    draw = replace(CropDraw(size), **changes)  # type: ignore[arg-type]
    return Crops(data, [str(region) for region in data.regions.index], draw)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.7])
def test_the_share_of_crops_of_fields(data: Dataset, share: float) -> None:
    facts = crops(data, 4, fields=share).batch(0, list(range(1000))).facts
    assert abs(facts.any(axis=1).mean() - share) <= 4 * math.sqrt(share * (1 - share) / 1000)


def test_a_number_is_one_crop_in_any_order_and_company(data: Dataset) -> None:
    whole = crops(data, fields=0.5).batch(1, list(range(24)))
    order = [7, 0, 23, 3, 3]
    some = crops(data, fields=0.5).batch(1, order)
    for one, all_of_them in zip(some, whole, strict=True):
        assert np.array_equal(one, all_of_them[order])
    assert not np.array_equal(
        whole.images, crops(data, fields=0.5).batch(2, list(range(24))).images
    )


def test_devices_share_the_crops_of_fields(data: Dataset) -> None:
    one, *two = (
        TrainBatches(crops(data, fields=0.5), batch=8, crops_per_epoch=16, share=share)
        for share in (Share(), Share(0, 2), Share(1, 2))
    )
    for whole, first, second in zip(one[1], two[0][1], two[1][1], strict=True):
        assert torch.equal(whole[0::2], first)
        assert torch.equal(whole[1::2], second)


def test_crops_are_anywhere_in_their_field_and_know_what_it_knows(data: Dataset) -> None:
    batch = crops(data, fields=0.9).batch(0, list(range(400)))
    chance = np.float32(chance_of(32 * 32 / (64 * 96)))
    known = {
        0: (-1, 0, 0, 0, 0),
        1: (chance, 0, 0, 0, 0),
        2: (-1, chance, 0, -1, 0),
    }
    tops, lefts, seen = set(), set(), set()
    for image, labels, facts in zip(batch.images, batch.labels, batch.facts, strict=True):
        if facts.any():
            top, left, blue = (int(value) for value in image[0, 0])
            tops.add(top)
            lefts.add(left)
            seen.add(blue // 10)
            assert not labels.any()
            assert tuple(facts) == known[blue // 10]
            assert np.array_equal(
                image, data.image(f"f{blue // 10}")[top : top + 32, left : left + 32]
            )
    assert seen == {0, 1, 2}
    assert (min(tops), max(tops), min(lefts), max(lefts)) == (0, 32, 0, 64)


def test_kinds_of_fields_are_balanced_as_classes_are(tmp_path: Path) -> None:
    """Nine fields without and one with: by their number, or equally often; 2000 draws within 4
    standard deviations."""
    data = dataset(tmp_path, "0.3,tumor,\n" * 9 + "0.3,,tumor\n")
    for balance, share in ((0.0, 0.1), (1.0, 0.5)):
        facts = crops(data, 4, fields=0.99, balance=balance).batch(0, list(range(2000))).facts
        having = (facts[facts.any(axis=1), TUMOR] > 0).mean()
        assert abs(having - share) < 4 * math.sqrt(share * (1 - share) / 1900)


def test_a_field_smaller_than_a_crop_is_all_of_it(data: Dataset) -> None:
    batch = crops(data, 128, fields=0.9).batch(0, list(range(12)))
    facts = batch.facts[batch.facts.any(axis=1)]
    assert set(np.unique(facts)) <= {-1.0, 0.0, 1.0}
    for image in batch.images[batch.facts.any(axis=1)]:
        assert (image[64:] == 255).all()
        assert (image[:, 96:] == 255).all()


@pytest.mark.parametrize(("share", "chance"), [(0.0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.9, 1.0)])
def test_a_crop_has_what_its_field_has_the_surer_the_more_it_shows(
    share: float, chance: float
) -> None:
    assert chance_of(share) == chance


def test_white_is_never_named_as_a_class_that_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    for name in ("a", "b"):
        Image.fromarray(np.full((64, 64, 3), 245, np.uint8)).save(folder / f"{name}.png")
    table = "image,mpp,without\na.png,0.3,other\nb.png,0.3,tumor\n"
    (folder / "fields.csv").write_text(table)
    paint(tmp_path / "bcss", tcga("A2", "A001"), side=64)
    config = PrepareConfig(to_mpp=0.3, workers=1)
    data = prepare([tmp_path / "bcss", folder], tmp_path / "data", config, reporter=quiet)
    batch = crops(data, 64, fields=0.9, white=OTHER + 1).batch(0, list(range(40)))
    lacks, tumourless = (batch.labels[batch.facts[:, k] < 0] for k in (OTHER, TUMOR))
    assert len(lacks)
    assert len(tumourless)
    assert not lacks.any()
    assert (tumourless == OTHER + 1).all()


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
