"""Where BCSS can be had: mirrors by name, with licence, login, and what each of them holds. Each
address stands with where it was found."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote
from urllib.request import OpenerDirector

from breastseg.errors import InputError
from breastseg.sources.bcss.find import LICENCE
from breastseg.sources.bcss.release import ReleaseRegion, release_regions
from breastseg.transfer.client import get_json
from breastseg.transfer.places import Place
from breastseg.transfer.remote import Remote

SCANS = "scans"
"""Folder of what the annotators' server says of each slide, one JSON a slide."""

_MAX_FILE = 20 * 10**9
# A listing whose pages lead in a circle must end.
_MAX_PAGES = 100


def hub_files(opener: OpenerDirector, *, address: str, repo: str) -> list[Remote]:
    """List a data set of a model hub at the commit that its main branch is now, with sizes and
    checksums.

    Raises:
        InputError: out of reach, or the answer is no such list.
    """
    info, _ = get_json(f"{address}/api/datasets/{repo}/revision/main", opener)
    commit = str(info.get("sha", "")) if isinstance(info, dict) else ""
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise InputError(
            f"{address}/datasets/{repo}: names no commit; try again later or choose another mirror"
        )
    entries: list[Any] = []
    page = f"{address}/api/datasets/{repo}/tree/{commit}?recursive=true&expand=false"
    pages = 0
    while page:
        listed, link = get_json(page, opener)
        entries += listed if isinstance(listed, list) else [listed]
        pages += 1
        # The header Link names the next page; one of another server is not followed.
        following = re.search(rf'<({re.escape(address)}/[^>]+)>;\s*rel="next"', link)
        page = following[1] if following and pages < _MAX_PAGES else ""
    files = []
    for entry in entries:
        remote = _hub_file(entry, f"{address}/datasets/{repo}/resolve/{commit}")
        if remote is not None:
            files.append(remote)
    return files


def _hub_file(entry: Any, files: str) -> Remote | None:
    """Return what an entry of a listing stands for; None for folders and the hub's own dot
    files."""
    try:
        path = str(entry["path"])
        size = entry.get("size")
        checksum = str((entry.get("lfs") or {}).get("oid", ""))
        if entry["type"] != "file" or path.rsplit("/", 1)[-1].startswith("."):
            return None
        if not isinstance(size, int) or not 0 <= size <= _MAX_FILE:
            raise ValueError
        # Small files have none: the hub keeps checksums of large files alone.
        if checksum and not re.fullmatch(r"[0-9a-f]{64}", checksum):
            raise ValueError
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"{files}: its list of files holds '{str(entry)[:80]}', wanted path, size and checksum"
        ) from None
    return Remote(
        path, f"{files}/{quote(path)}", size, size, checksum, png=path.lower().endswith(".png")
    )


def girder_files(
    opener: OpenerDirector,
    *,
    address: str,
    masks: str,
    regions: Callable[[], Sequence[ReleaseRegion]] = release_regions,
) -> list[Remote]:
    """List the regions as the annotators' server cuts them out of its slides in base pixels, and
    their masks as published."""
    files = []
    for region in regions():
        left, top = region.corner
        width, height = region.size_px
        # The release's own name of the file.
        name = f"{region.place_name}_MPP-0.2500.png"
        # 4 bytes a pixel are more than a PNG of RGB takes; the rest is for its head.
        limit = 4 * width * height + (1 << 20)
        cut = f"left={left}&top={top}&right={left + width}&bottom={top + height}&encoding=PNG"
        files += [
            Remote(f"{SCANS}/{region.slide}.json", f"{address}/item/{region.item}/tiles", 1 << 20),
            Remote(f"masks/{name}", f"{masks}/{region.mask_file}", limit, png=True),
            Remote(
                f"images/{name}",
                f"{address}/item/{region.item}/tiles/region?{cut}",
                limit,
                png=True,
            ),
        ]
    return files


_PLACES = (
    # README of the data set https://huggingface.co/datasets/nabil-m/bcss (CC0, "re-hosted copy");
    # its file addresses are those of huggingface_hub (hf_api.py, constants.py), its hosts those
    # that other clients of the hub allow.
    Place(
        "hub",
        "https://huggingface.co/datasets/nabil-m/bcss",
        "151 regions of the authors' shared folder (colour-normalised, by the card of a copy made"
        " from it), re-hosted by a third person; sizes and SHA-256 known",
        ("huggingface.co", ".huggingface.co", ".hf.co"),
        partial(hub_files, address="https://huggingface.co", repo="nabil-m/bcss"),
        licence=LICENCE,
    ),
    # configs.py and download_crowdsource_dataset.py of
    # https://github.com/PathologyDataScience/BCSS, without the key that they carry: the folder is
    # public. Items and masks are those of the release's own tables; figshare serves files from that
    # store of Amazon.
    Place(
        "girder",
        "https://github.com/PathologyDataScience/BCSS",
        "151 regions cut anew by the annotators' server in base pixels (mostly 0.25 um/px, about 4"
        " GB), masks from figshare; no checksums there, each PNG is checked against its own",
        ("demo.kitware.com", ".figshare.com", "s3-eu-west-1.amazonaws.com"),
        partial(
            girder_files,
            address="https://demo.kitware.com/histomicstk/api/v1",
            masks="https://ndownloader.figshare.com/files",
        ),
        licence=LICENCE,
    ),
    # README of https://github.com/PathologyDataScience/BCSS: "Download (single link)".
    Place(
        "drive",
        "https://drive.google.com/drive/folders/1zqbdkQF8i5cEmZOGmbdQm-EP8dRYtvss",
        "the authors' shared folder: 151 regions, at 0.30 um/px though its names say 0.25",
        by_hand=(
            "it wants a browser and gives few files a day: put images (or rgbs_colorNormalized),"
            " masks and meta into one folder"
        ),
        licence=LICENCE,
    ),
    Place(
        "hub2",
        "https://huggingface.co/datasets/Angelou0516/BCSS",
        "another copy: says 0.25 um/px (they are at 0.30) and has no official split",
        by_hand="take hub instead, whose files have sizes and checksums",
        licence=LICENCE,
    ),
    # The id as it stands in loaders and notebooks that use it, as in
    # kagglehub.dataset_download("whats2000/...").
    Place(
        "kaggle",
        "https://www.kaggle.com/datasets/whats2000/breast-cancer-semantic-segmentation-bcss",
        "tiles, not regions (8.3 GB): BCSS/ has every region in every split, BCSS_512/ holds"
        " hospitals out",
        by_hand=(
            "it wants a login of yours: pip install kaggle, then kaggle datasets download"
            " whats2000/breast-cancer-semantic-segmentation-bcss --unzip -p FOLDER, then breastseg"
            " prepare FOLDER/BCSS_512 DATA"
        ),
        licence=f"{LICENCE}; tiles CC0-1.0 as their page says",
    ),
)

PLACES = {place.name: place for place in _PLACES}
"""Mirrors by name."""
