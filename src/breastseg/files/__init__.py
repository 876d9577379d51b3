"""Files that a kill cannot leave half done, and folders that hold one piece of work each."""

from breastseg.files.atomic import written, written_folder
from breastseg.files.fingerprints import Seen, fingerprint, seen, sha256_of
from breastseg.files.locks import held_across, held_file, held_folder
from breastseg.files.names import fit_name
from breastseg.files.temporary import nameless_file, settle_temporary_folder
from breastseg.files.text import read_lines, table_text, write_json, write_table, write_text
from breastseg.files.work import (
    WORK_FILE,
    Remains,
    claim_folder,
    difference,
    note_work,
    own_folder,
)

__all__ = [
    "WORK_FILE",
    "Remains",
    "Seen",
    "claim_folder",
    "difference",
    "fingerprint",
    "fit_name",
    "held_across",
    "held_file",
    "held_folder",
    "nameless_file",
    "note_work",
    "own_folder",
    "read_lines",
    "seen",
    "settle_temporary_folder",
    "sha256_of",
    "table_text",
    "write_json",
    "write_table",
    "write_text",
    "written",
    "written_folder",
]
