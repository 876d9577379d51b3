"""Where mini-MIAS can be had, and download_mini_mias(): one mirror into one folder, checked."""

from pathlib import Path
from urllib.request import OpenerDirector

from breastseg.errors import IncompleteError
from breastseg.mammography.mini_mias_check import release_sums, verify_mini_mias
from breastseg.reporter import TERMINAL, Reporter
from breastseg.transfer.copies import download_copy
from breastseg.transfer.places import Place
from breastseg.transfer.remote import Remote

LICENCE = (
    "MIAS, for research only: it may be modified, it may not be rented, leased or sold; cite "
    "Suckling et al. 1994 (Licence.txt comes with it)"
)
_FILM_BYTES = 17 + 1024 * 1024  # the head of a PGM, and a byte a pixel
_TEXTS = {
    "Info.txt": (9860, "78821d5ff471c27364d429424370b846a6e3fe06f470936776858103c05fbddd"),
    "Licence.txt": (1720, "ca2286e731c196ad03354b690d77fad2456179518786c6aefb537bccc75e117a"),
}
"""Name -> bytes and SHA-256."""
_REPOSITORY = "theidentity/MammogramVisualization"
_COMMIT = "a2e6552222e9e311eb172167482761effe1fc049"


def release_files(address: str) -> list[Remote]:
    """Return the 322 films and the two texts under an address, with sizes and checksums.

    Args:
        address: of the folder that holds them, without a slash at its end.
    """
    files = []
    for name, (size, sha256) in _TEXTS.items():
        files.append(Remote(name, f"{address}/{name}", size, size, sha256))
    for film, sums in release_sums().items():
        name = f"{film}.pgm"
        files.append(Remote(name, f"{address}/{name}", _FILM_BYTES, _FILM_BYTES, sums.pgm))
    return files


def _github_files(opener: OpenerDirector) -> list[Remote]:
    del opener  # what is there is known
    return release_files(f"https://raw.githubusercontent.com/{_REPOSITORY}/{_COMMIT}/data/pgm")


_PLACES = (
    Place(
        "github",
        f"https://github.com/{_REPOSITORY}",
        "322 PGM with Info.txt and Licence.txt (338 MB), re-hosted by a third person; sizes and "
        "SHA-256 known, of this commit",
        ("raw.githubusercontent.com",),
        _github_files,
        licence=LICENCE,
    ),
    # The address as it stands in many scripts that fetch it; it answers http only.
    Place(
        "essex",
        "http://peipa.essex.ac.uk/info/mias.html",
        "all-mias.tar.gz of PEIPA, the archive that most scripts fetch it from",
        by_hand=(
            "it is served without encryption: fetch "
            "http://peipa.essex.ac.uk/pix/mias/all-mias.tar.gz in a browser, unpack it into one "
            "folder, then breastseg mammo verify FOLDER"
        ),
        licence=LICENCE,
    ),
)
PLACES = {place.name: place for place in _PLACES}
"""Mirrors by name."""


def download_mini_mias(
    place: Place, out: str | Path, *, reporter: Reporter = TERMINAL
) -> list[Path]:
    """Fetch what is not in the folder yet, and hold the copy against the release.

    Args:
        place: the mirror; the licence is said before anything is asked of it.
        out: folder of this copy; new, empty, or begun from the same mirror.
        reporter: told the licence and what became of it, a line each.

    Raises:
        InputError: the mirror is by hand, out of reach or sends something else, or the disk cannot
            take it.
        OutputError: the folder holds something else, or another run writes there.
        IncompleteError: what was fetched is not the release.
    """
    files = download_copy("mini-mias", place, out, reporter=reporter)
    check = verify_mini_mias(out)
    if check.missing or check.wrong or check.table:
        raise IncompleteError(
            f"{out}: {len(check.wrong)} films altered, {len(check.missing)} missing"
            f"{', ' + check.table if check.table else ''}; choose another mirror"
        )
    return files
