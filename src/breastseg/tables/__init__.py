"""Tables as a person, a spreadsheet or breastseg writes them: one reader, and every fault told with
its row.

Heads go by their letters and digits: case, blanks, `_` and `-` say nothing. The separator is the
comma, semicolon or tab that the head is written with; a decimal comma is known where commas do
not separate. Text is UTF-8, with a mark at its start or without, UTF-16 with one, or, said
aloud, Windows-1252. Rows are counted as spreadsheets count them: the head is row 1. Blank rows
say nothing. Whatever else does not fit is an error.
"""

from breastseg.tables.cells import alike, shown
from breastseg.tables.heads import NOTE
from breastseg.tables.read import read_table
from breastseg.tables.table import Row, Table

__all__ = ["NOTE", "Row", "Table", "alike", "read_table", "shown"]
