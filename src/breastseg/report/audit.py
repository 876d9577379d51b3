"""write_audit_page(): what audit() wrote -> audit.html, which opens without network or
neighbours."""

from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import write_text
from breastseg.json_files import read_json
from breastseg.report.html import as_written, html_pages


def write_audit_page(audit: str | Path) -> Path:
    """Write `audit.html` into an audit's folder and return its path.

    Raises:
        InputError: the folder holds no finished audit.
    """
    folder = Path(audit)
    findings = read_json(folder / "audit.json", InputError, "the findings of a finished audit")
    with as_written(folder, "audit"):
        page = html_pages().get_template("audit.html.j2").render(audit=findings)
    write_text(folder / "audit.html", page)
    return folder / "audit.html"
