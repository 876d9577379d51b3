"""What is fuzzed: for each target a folder of whole files, which of them are damaged, and the
public function that a person would reach."""

import gzip
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import chdir, closing
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from PIL import Image

from asap_files import SQUARE, annotation, asap
from breastseg.bundles.bundle import CARD, load_bundle
from breastseg.bundles.card import Card
from breastseg.data.dataset import open_dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.data.split import SplitConfig, load_split, split
from breastseg.files import sha256_of, write_json, write_table
from breastseg.geometry import Box
from breastseg.images import open_slide, read_codes
from breastseg.images.readers import large_jpeg
from breastseg.inference.config import PredictConfig
from breastseg.inference.inputs import list_inputs
from breastseg.inference.model import Model, load_model
from breastseg.inference.predict import predict
from breastseg.labels import BUILT_IN, load_label_map
from breastseg.sources import open_source
from breastseg.sources.annotations import read_drawn
from conftest import CROPS, DATA, crop, paint, quiet, tcga
from slide_files import levels_of, write_ome, write_scn, write_svs, write_tiled, write_zarr

if TYPE_CHECKING:
    from breastseg.serve.config import Limits
    from breastseg.serve.room import Room
    from breastseg.serve.tiles.decoded import Decoder


@dataclass(frozen=True)
class Target:
    """A kind of input.

    Attributes:
        share: how many of all inputs are of this kind, beside the others' shares.
        make: writes whole files into a folder.
        damaged: patterns of the files that are changed, one of them each time.
        read: gives the folder to what reads it; told the changed file, and random numbers of its
            own.
        before: makes what stands for the whole fit the damaged file again, as hashes in a card;
            half of the time it is left out.
        torch: whether it needs PyTorch.
    """

    share: int
    make: Callable[[Path], object]
    damaged: tuple[str, ...]
    read: Callable[[Path, Path, Random], object]
    before: Callable[[Path], object] | None = None
    torch: bool = False


FIELD = np.ascontiguousarray(crop(0)[:120, :150])
LABELS = np.ascontiguousarray(
    np.arange(6, dtype=np.uint8)[None, :].repeat(20, axis=1).repeat(96, axis=0)
)


def _pictures(folder: Path) -> None:
    picture = Image.fromarray(FIELD)
    for name, options in (
        ("a.png", {}),
        ("a.jpg", {"quality": 80}),
        ("b.jpeg", {"progressive": True, "subsampling": 0, "dpi": (300, 300)}),
    ):
        picture.save(folder / name, **options)
    picture.convert("P").save(folder / "p.png", transparency=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "turned.jpg", exif=exif)
    picture.save(folder / "turned.png", exif=exif, dpi=(40_000, 40_000))
    picture.convert("RGBA").save(folder / "alpha.png")
    for compression in ("raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate"):
        picture.save(folder / f"{compression}.tif", compression=compression, dpi=(50_000, 50_000))


def _tall_pictures(folder: Path) -> None:
    """Write images that come in several bands."""
    picture = Image.fromarray(np.tile(FIELD, (14, 1, 1)))
    picture.save(folder / "rgb.png")
    picture.convert("RGBA").save(folder / "alpha.png")
    picture.convert("LA").save(folder / "grey.png", compress_level=1)
    picture.convert("P").resize((600, 1680)).save(
        folder / "palette.png", transparency=bytes(range(0, 256, 2))
    )
    picture.save(folder / "a.jpg", quality=50)
    picture.save(folder / "b.jpg", quality=50, progressive=True, subsampling=0)


def _decoded(folder: Path, file: Path, rng: Random) -> None:
    """Decode an image as the viewer's process for large ones does."""
    from breastseg.serve.tiles.decoding import Task, _write_picture

    with patch.object(large_jpeg, "LARGE_PX", 0):
        _write_picture(Task("picture", str(file)), BytesIO())


def _slide(folder: Path, file: Path, rng: Random) -> None:
    path = folder / file.relative_to(folder).parts[0]
    with closing(open_slide(path, mpp=rng.choice((None, 0.25, 0.5)))) as slide:
        width, height = slide.size_px
        slide.read(
            Box(0, 0, min(width, 300), min(height, 300)), mpp=slide.mpp * rng.choice((1, 1, 2, 3.7))
        )
        slide.resampled((0, 0, width, height), (min(width, 64), min(height, 64)))


def _masks(folder: Path) -> None:
    mask = Image.fromarray(LABELS)
    mask.save(folder / "grey.png")
    palette = Image.fromarray(LABELS, "P")
    palette.putpalette(list(range(256)) * 3)
    palette.save(folder / "palette.png")
    mask.save(folder / "mask.tif", compression="tiff_lzw")
    mask.save(folder / "plain.tiff")


def _slides(folder: Path) -> None:
    levels = levels_of(FIELD)
    write_svs(folder / "a.svs", levels)
    write_tiled(folder / "a.tif", levels)
    write_tiled(folder / "jpeg.tif", levels, compression="jpeg", tile=(64, 64))
    write_tiled(folder / "planes.tif", [FIELD], compression="zlib", predictor=True)
    write_tiled(folder / "strips.tif", [FIELD], tile=None, rowsperstrip=16)
    write_ome(folder / "a.ome.tif", levels)
    shutil.copy(DATA / "slides" / "cmu1.svs", folder / "cmu1.svs")


def _zarrs(folder: Path) -> None:
    write_zarr(folder / "two.zarr", levels_of(FIELD, 2))
    write_zarr(folder / "three.zarr", levels_of(FIELD, 2), version="0.5")


def _dicom(folder: Path) -> None:
    shutil.copytree(DATA / "slides" / "cmu1_dicom", folder / "slide")


def _features() -> dict[str, Any]:
    square = [
        [[10.5, 10.5], [80, 10], [80, 80.25], [10, 80], [10.5, 10.5]],
        [[20, 20], [30, 20], [30, 30], [20, 20]],
    ]
    kinds: list[tuple[str, Any, dict[str, Any]]] = [
        (
            "Polygon",
            square,
            {
                "objectType": "annotation",
                "classification": {"name": "Tumor", "color": [200, 0, 0]},
                "isLocked": False,
            },
        ),
        (
            "MultiPolygon",
            [square, [[[90, 5], [95, 5], [95, 9], [90, 5]]]],
            {"objectType": "detection", "classification": {"names": ["Stroma", "x"]}},
        ),
        (
            "Point",
            [50, 50],
            {
                "classification": {"name": "Immune cells", "colorRGB": -1},
                "measurements": {"a": 1.5},
            },
        ),
        ("MultiPoint", [[1, 2], [3.5, 4.5]], {"class": "Necrosis", "name": "x"}),
    ]
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": str(number),
                "geometry": {"type": kind, "coordinates": places},
                "properties": said,
            }
            for number, (kind, places, said) in enumerate(kinds)
        ],
    }


def _drawings(folder: Path) -> None:
    text = json.dumps(_features(), indent=1)
    (folder / "a.geojson").write_text(text)
    (folder / "list.geojson").write_text(json.dumps(_features()["features"]))
    (folder / "b.geojson.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    write_table(
        folder / "c.csv",
        [{"x": 1.5, "y": 2, "class": "tumor"}, {"x": 3, "y": 4.25, "class": "stroma"}],
    )
    (folder / "d.txt").write_text("10 20 1\n30 40 2\n50 60 3\n")
    asap(folder / "e.xml", annotation(SQUARE), annotation([(3, 4)], "Stroma", "Dot"))


def _annotated(folder: Path) -> None:
    """Write images with their areas, dots and masks, as a person keeps them, and tables
    beside."""
    for kind in ("areas", "dots", "painted", "known"):
        (folder / "src" / kind).mkdir(parents=True)
        Image.fromarray(FIELD).save(folder / "src" / kind / f"{kind}1.png")
    (folder / "src" / "areas" / "areas1.geojson").write_text(json.dumps(_features()))
    write_table(
        folder / "src" / "dots" / "dots1_points.csv",
        [{"x": 1.5, "y": 2, "class": "tumor"}, {"x": 3, "y": 4, "class": "stroma"}],
    )
    Image.fromarray(np.full(FIELD.shape[:2], 2, np.uint8)).save(
        folder / "src" / "painted" / "painted1_mask.png"
    )
    known = {
        "image": "known1.png",
        "patient": "P-known",
        "mpp": 0.5,
        "all": "",
        "without": "tumor;necrosis",
        "with": "stroma",
    }
    write_table(folder / "src" / "known" / "fields.csv", [known])
    _map_files(folder)
    rows = [
        {"image": f"{kind}1.png", "patient": f"P-{kind}", "site": "A2", "mpp": 0.5}
        for kind in ("areas", "dots", "painted", "known")
    ]
    write_table(folder / "patients.csv", rows)


def _sourced(folder: Path, file: Path, rng: Random) -> None:
    open_source(
        folder / "src", mpp=None if rng.random() < 0.8 else 0.5, table=folder / "patients.csv"
    )


def _prepared(folder: Path, file: Path, rng: Random) -> None:
    labels = str(file) if file.parent == folder else "region5"
    prepare(
        folder / "src",
        folder / "out",
        PrepareConfig(0.5, labels, mpp=0.5, workers=1),
        reporter=quiet,
    )


def _begun(folder: Path) -> None:
    _annotated(folder)
    with chdir(folder):
        prepare("src", "out", PrepareConfig(0.5, "region5", mpp=0.5, workers=1), reporter=quiet)


def _prepared_again(folder: Path, file: Path, rng: Random) -> None:
    with chdir(folder):
        prepare("src", "out", PrepareConfig(0.5, "region5", mpp=0.5, workers=1), reporter=quiet)


def _copy_of_bcss(folder: Path) -> None:
    shutil.copytree(DATA / "bcss", folder, dirs_exist_ok=True)
    for path in (
        *folder.glob("images/*.png"),
        *folder.glob("masks/*.png"),
    ):  # smaller, as the same is read again and again
        with Image.open(path) as whole:
            small = whole.crop((0, 0, 64, 48))
        small.save(path)


def _verified(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.sources.bcss.verify import verify

    verify(folder)
    open_source(folder)


def _map_files(folder: Path) -> None:
    write_json(folder / "labels.json", BUILT_IN["region5"].to_dict())
    classes = "\n".join(
        f"  - name: {c.name}\n"
        f"    qupath: {c.qupath}\n"
        f"    color: [1, 2, {c.codes[0]}]\n"
        f"    codes: {list(c.codes)}"
        for c in BUILT_IN["region5"].classes
    )
    (folder / "labels.yaml").write_text(
        f"name: mine\nnot_annotated: [0, 7, 15]\nclasses:\n{classes}\n"
    )


def _label_map(folder: Path, file: Path, rng: Random) -> None:
    found = load_label_map(file)
    found.palette()
    found.fingerprint()
    found.apply(np.zeros((2, 2), np.uint8), "x")
    json.dumps(found.to_dict()).encode()
    "".join(found.names).encode()


def _input_table(folder: Path) -> None:
    Image.fromarray(FIELD).save(folder / "a.png")
    rows = [
        {"path": "a.png", "mpp": 0.5, "box": "0,0,64,64", "patient": "P1"},
        {"path": "missing.svs", "mpp": "", "box": "", "patient": "P2"},
    ]
    write_table(folder / "slides.csv", rows)


def _listed(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.geometry import box_within, check_mpp, parse_box

    for item in list_inputs([folder / "slides.csv"]).items:
        if item.mpp is not None:
            check_mpp(item.mpp, "x")
        if item.box is not None:
            box_within(parse_box(item.box), (100, 100), 0.5, "x")


def _dataset(folder: Path) -> None:
    for name in (tcga("A2", "A001"), tcga("A1", "B001"), tcga("OL", "C001")):
        paint(folder / "source", name, side=32)
    (folder / "known").mkdir()
    Image.fromarray(FIELD).save(folder / "known" / "a.png")
    write_table(
        folder / "known" / "fields.csv",
        [{"image": "a.png", "patient": "TCGA-A1-B001", "mpp": 0.3, "without": "tumor", "with": ""}],
    )
    data = prepare(
        [folder / "source", folder / "known"],
        folder / "data",
        PrepareConfig(to_mpp=0.30, workers=1),
        reporter=quiet,
    )
    for name in ("source", "known"):
        shutil.rmtree(folder / name)
    write_table(
        folder / "parts.csv",
        [
            {"patient": one, "split": part}
            for one, part in zip(
                sorted(set(data.regions["patient"])), ("train", "val", "test"), strict=True
            )
        ],
    )
    split(data, SplitConfig(str(folder / "parts.csv")))


def _data(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.data.audit import audit
    from breastseg.data.crops import CropDraw, Crops

    data = open_dataset(folder / "data")
    table = load_split(data)
    data.fingerprint()
    data.class_pixels.sum()
    for region in map(str, table.index):
        for array in (
            data.image(region),
            data.labels(region),
            data.points(region),
            data.dots(region),
            data.places(region),
        ):
            np.asarray(array).sum()
        data.presence(region)
    Crops(data, [str(region) for region in table.index], CropDraw(32)).batch(0, [0, 1])
    if rng.random() < 0.1:
        audit(folder / "data", folder / "audit")


def _split(folder: Path, file: Path, rng: Random) -> None:
    split(open_dataset(folder / "data"), SplitConfig(str(folder / "parts.csv")))


def _network(path: Path, classes: int) -> None:
    """Write the smallest network that gives probabilities: one convolution over the colours."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(size=(classes, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["floats", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    taken = helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", 3, "h", "w"])
    given = helper.make_tensor_value_info(
        "probabilities", TensorProto.FLOAT, ["n", classes, "h", "w"]
    )
    graph = helper.make_graph(
        nodes, "tiny", [taken], [given], [numpy_helper.from_array(weights / 100, "weights")]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9),
        str(path),
    )


def _tensors(path: Path) -> None:
    head = json.dumps(
        {"network.weight": {"dtype": "F16", "shape": [5, 3, 1, 1], "data_offsets": [0, 30]}}
    ).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(30))


def _bundle(folder: Path) -> Path:
    """Write a bundle whose network is the smallest there can be."""
    from breastseg.bundles.engine import core, openvino

    folder = folder / "bundle"
    folder.mkdir(parents=True, exist_ok=True)
    label_map = BUILT_IN["region5"]
    _network(folder / "model.onnx", len(label_map.classes))
    openvino.save_model(
        core().read_model(folder / "model.onnx"),
        str(folder / "model.int8.xml"),
        compress_to_fp16=False,
    )
    _tensors(folder / "model.safetensors")
    (folder / "metrics.csv").write_text(
        "epoch,train_loss,val_loss,train_accuracy,val_accuracy,train_dice,val_dice\n"
        "0,1.5,1.4,0.5,0.4,0.3,0.2\n"
    )
    shipped = load_bundle("lite0").card
    files = {path.name: sha256_of(path) for path in sorted(folder.iterdir()) if path.name != CARD}
    card = replace(
        shipped, name="tiny", label_map=label_map, mpp=0.5, tile_px=128, halo_px=32, files=files
    )
    write_json(folder / CARD, card.to_dict())
    return folder


def _resealed(folder: Path) -> None:
    """Let the card say the hashes that the files have now, as who makes a bundle by hand does."""
    card = folder / "bundle" / CARD
    said = json.loads(card.read_text())
    said["files"] = {name: sha256_of(folder / "bundle" / name) for name in said["files"]}
    write_json(card, said)


def _model(folder: Path, file: Path, rng: Random) -> None:
    backend = "onnx" if file.name == "model.onnx" and rng.random() < 0.4 else "openvino"
    model = load_model(
        folder / "bundle",
        backend=backend,
        precision="fp32" if file.name == "model.onnx" else "auto",
        threads=1,
    )
    model.label(FIELD, mpp=0.5)


def _torch_bundle(folder: Path) -> None:
    """Write a bundle of the shipped weights alone."""
    (folder / "bundle").mkdir()
    shipped = load_bundle("lite0")
    shutil.copy(shipped.path / "model.safetensors", folder / "bundle")
    files = {"model.safetensors": shipped.card.files["model.safetensors"]}
    write_json(folder / "bundle" / CARD, replace(shipped.card, files=files).to_dict())


def _weights(folder: Path, file: Path, rng: Random) -> None:
    load_model(folder / "bundle", backend="torch", threads=1)


def _card(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.report.model_page import describe_model, model_page

    bundle = load_bundle(folder / "bundle")
    describe_model(bundle).encode()
    model_page(bundle).encode()
    assert Card.from_dict(bundle.card.to_dict(), "x") == bundle.card


@cache
def _tiny(place: Path) -> Model:
    return load_model(place, precision="fp32", threads=1)


MODEL: list[Path] = []
"""Where the whole tiny bundle lies, for targets that need a model that works."""


def _maps(folder: Path) -> None:
    """Write what predict() makes of an image and of a slide."""
    (folder / "in").mkdir()
    Image.fromarray(FIELD).save(folder / "in" / "a.png")
    write_svs(folder / "in" / "b.svs", levels_of(np.tile(FIELD, (3, 3, 1))))
    with chdir(folder):  # the same inputs wherever the folder is copied to
        predict("in", _tiny(MODEL[0]), "out", PredictConfig(mpp=0.5), reporter=quiet)


def _resumed(folder: Path, file: Path, rng: Random) -> None:
    config = PredictConfig(mpp=0.5, figure=rng.choice((0, 2)))
    with chdir(folder):
        predict("in", _tiny(MODEL[0]), "out", config, resume=rng.random() < 0.5, reporter=quiet)


def _rooms(limits: "Limits") -> "tuple[Room, Room, Decoder]":
    """Return the room of a server for what it keeps and for what it does not, and what decodes
    large images."""
    from breastseg.serve.room import Room
    from breastseg.serve.tiles.decoded import Decoder

    return Room(limits.kept_bytes), Room(limits.passing_bytes), Decoder()


def _shown(folder: Path, file: Path, rng: Random) -> None:
    """Look at results as the viewer does: the list, the maps over a slide and their tiles, the page
    of each."""
    from breastseg.report.slide import slide_page
    from breastseg.serve.config import Limits, ServeConfig
    from breastseg.serve.library.folder import Folder
    from breastseg.serve.tiles.layers import Layers

    served = Folder(ServeConfig(folder / "in", out=folder / "out"))
    layers = Layers(served, Limits(), *_rooms(Limits()))
    try:
        for entry in served.scan():
            served.mpp_of(entry)
            with closing(open_slide(entry.path, mpp=0.5)) as slide:
                size = slide.size_px
            for layer in layers.of(entry, size):
                told = layers.told(layer)
                told.model_dump_json()
                layers.tile(layer, told.levels - 1, 0, 0)
                layers.tile(layer, 0, 0, 0)
                slide_page(layer.path.parent).encode()
    finally:
        layers.close()


def _slide_page(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.report.slide import slide_page

    for name in ("a", "b"):
        slide_page(folder / "out" / name).encode()


def _labels_back(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.inference.result import picture_and_labels
    from breastseg.serve.tiles.label_files import held_labels, stored_labels

    name = file.parent.name
    labels = (stored_labels(file) if file.suffix == ".tif" else None) or held_labels(file)
    try:
        labels.tile(0, 0, 0)
    finally:
        labels.close()
    with closing(
        open_slide(folder / "in" / ("a.png" if name == "a" else "b.svs"), mpp=0.5)
    ) as slide:
        picture_and_labels(slide, folder / "out" / name)


def _evaluation(folder: Path) -> None:
    from breastseg.evaluation.evaluate import evaluate

    _dataset(folder)
    for name in ("one", "other"):
        evaluate(
            _tiny(MODEL[0]),
            folder / "data",
            folder / name,
            split="all",
            probabilities=name == "one",
            reporter=quiet,
        )
    shutil.copytree(MODEL[0], folder / "bundle")


def _reported(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.evaluation.compare import comparison, open_other
    from breastseg.report.html import write_report
    from breastseg.report.model_page import write_model_page
    from breastseg.studies.student_report.chapter import write_chapter

    bundle, data = load_bundle(folder / "bundle"), open_dataset(folder / "data")
    what = rng.randrange(4)
    if what == 0:
        write_chapter(folder / "one", bundle.card)
    elif what == 1:
        write_model_page(bundle, folder / "page.md", evaluation=folder / "one")
    elif what == 2:
        regions = list(map(str, data.regions.index))
        other = open_other(folder / "one", data.fingerprint(), data.label_map, regions)
        comparison(other.counts, other, list(data.regions["patient"]), list(data.label_map.names))
    else:
        write_report(folder / "one")


def _audited(folder: Path) -> None:
    from breastseg.data.audit import audit
    from breastseg.report.audit import write_audit_page

    _dataset(folder)
    audit(folder / "data", folder / "audit")
    write_audit_page(folder / "audit")


def _audit_page(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.report.audit import write_audit_page

    write_audit_page(folder / "audit")


def _counts(folder: Path) -> None:
    write_json(
        folder / "counts.json",
        {f"t{k}": [[k, 1, 2, 3], [4, 5, 6, 7], [0, 0, 0, 1]] for k in range(4)},
    )


def _study(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.studies.inflation.inflation import read_counts

    read_counts(file, [f"t{k}" for k in range(4)], 3)


def _annotations(folder: Path) -> None:
    _pictures_alone(folder)
    (folder / "a.geojson").write_text(json.dumps(_features(), indent=1))
    (folder / "b.geojson.gz").write_bytes(gzip.compress(json.dumps(_features()).encode(), mtime=0))


def _pictures_alone(folder: Path) -> None:
    for name in "ab":
        Image.fromarray(FIELD).save(folder / f"{name}.png", dpi=(50_000, 50_000))


def _corrections(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.serve.annotations.annotations import Annotations
    from breastseg.serve.config import Limits, ServeConfig
    from breastseg.serve.library.folder import Folder
    from breastseg.serve.tiles.tiles import Tiles

    served = Folder(ServeConfig(folder))
    tiles = Tiles(served, Limits(), *_rooms(Limits()))
    try:
        kept = Annotations(served, tiles)
        for entry in served.scan():
            kept.load(entry)
    finally:
        tiles.close()


def _uploads(folder: Path) -> None:
    (folder / "new").mkdir()
    (folder / "served").mkdir()
    Image.fromarray(FIELD).save(folder / "new" / "a.png")
    Image.fromarray(FIELD).save(folder / "new" / "a.jpg")
    write_svs(folder / "new" / "a.svs", levels_of(FIELD))
    write_ome(folder / "new" / "a.ome.tif", levels_of(FIELD))


def _uploaded(folder: Path, file: Path, rng: Random) -> None:
    """Take a file as the viewer takes an upload, after its bytes have come, and show it."""
    from breastseg.serve.config import Limits, ServeConfig
    from breastseg.serve.library.folder import Folder
    from breastseg.serve.tiles.tiles import Tiles
    from breastseg.serve.web.uploads import _keep

    place, limits = folder / "served", Limits()
    served = Folder(ServeConfig(place))
    beside = place / f".part-00000000-{file.name}"
    shutil.copy(file, beside)
    entry = _keep(beside, place / file.name, served, limits)
    tiles = Tiles(served, limits, *_rooms(limits))
    try:
        tiles.thumbnail(entry)
    finally:
        tiles.close()


@cache
def _trained() -> bytes:
    """Return a checkpoint as Lightning writes it, of a network of one layer."""
    import io

    import torch

    file = io.BytesIO()
    state = {
        "state_dict": {"weight": torch.zeros(4, 3)},
        "callbacks": {"History": {"rows": [{"epoch": 0, "step": 1, "lr": 0.1}]}},
        "epoch": 1,
    }
    torch.save(state, file)
    return file.getvalue()


def _checkpoint(folder: Path) -> None:
    (folder / "run" / "checkpoints").mkdir(parents=True)
    (folder / "run" / "checkpoints" / "last.ckpt").write_bytes(_trained())


def _continued(folder: Path, file: Path, rng: Random) -> None:
    from breastseg.training.history import read_checkpoint

    read_checkpoint(file)


TARGETS: Mapping[str, Target] = {
    "picture": Target(10, _pictures, ("*",), _slide),
    "large": Target(5, _tall_pictures, ("*",), _decoded),
    "mask": Target(5, _masks, ("*",), lambda folder, file, rng: read_codes(file)),
    "slide": Target(14, _slides, ("*",), _slide),
    "scn": Target(3, lambda folder: write_scn(folder / "a.scn", levels_of(FIELD)), ("*",), _slide),
    "dicom": Target(4, _dicom, ("slide/*",), _slide),
    "zarr": Target(
        5,
        _zarrs,
        ("*.zarr/*.json", "*.zarr/.*", "*.zarr/0/*", "*.zarr/*/.zarray", "*.zarr/*/c/*/*/*"),
        _slide,
    ),
    "drawn": Target(10, _drawings, ("*",), lambda folder, file, rng: read_drawn(file)),
    "labels": Target(8, _map_files, ("*",), _label_map),
    "inputs": Target(4, _input_table, ("*.csv",), _listed),
    "table": Target(4, _annotated, ("patients.csv",), _sourced),
    "prepare": Target(3, _annotated, ("src/*/*", "labels.*"), _prepared),
    "prepared": Target(2, _begun, ("out/*.json", "out/arrays/*.json"), _prepared_again),
    "verify": Target(2, _copy_of_bcss, ("images/*", "masks/*", "meta/*"), _verified),
    "data": Target(6, _dataset, ("data/*.json", "data/*.csv", "data/arrays/*.npy"), _data),
    "split": Target(3, _dataset, ("parts.csv",), _split),
    "card": Target(4, _bundle, ("bundle/card.json",), _card),
    "bundle": Target(5, _bundle, ("bundle/*",), _model, _resealed),
    "weights": Target(
        1,
        _torch_bundle,
        ("bundle/*.safetensors", "bundle/card.json"),
        _weights,
        _resealed,
        torch=True,
    ),
    "resume": Target(
        3, _maps, ("out/*.csv", "out/*.json", "out/*/run.json", "out/*/labels.*"), _resumed
    ),
    "shown": Target(4, _maps, ("out/*/run.json", "out/*/labels.*"), _shown),
    "page": Target(3, _maps, ("out/*/run.json", "out/*/overlay.*"), _slide_page),
    "map": Target(5, _maps, ("out/*/labels.*",), _labels_back),
    "scores": Target(4, _evaluation, ("one/*.json", "one/*.csv", "one/regions/*/*"), _reported),
    "audit": Target(1, _audited, ("audit/audit.json",), _audit_page),
    "study": Target(1, _counts, ("counts.json",), _study),
    "areas": Target(4, _annotations, ("*.geojson*",), _corrections),
    "upload": Target(3, _uploads, ("new/*",), _uploaded),
    "checkpoint": Target(1, _checkpoint, ("run/checkpoints/*",), _continued, torch=True),
}
"""Everything that reads a file, by name."""


def whole(name: str, folder: Path) -> None:
    """Write the whole files of a target."""
    if not MODEL:
        MODEL.append(_bundle(folder.parent / "model"))
    folder.mkdir(parents=True)
    TARGETS[name].make(folder)


def files_of(name: str, folder: Path) -> list[Path]:
    """Return the files of a target that are damaged, in the order of their names."""
    return sorted(
        {
            path
            for pattern in TARGETS[name].damaged
            for path in folder.glob(pattern)
            if path.is_file()
        }
    )


__all__ = ["CROPS", "TARGETS", "Target", "files_of", "whole"]
