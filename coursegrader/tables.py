"""Read tables that spreadsheets have saved, and write tables that are safe to open in one."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

MAX_TABLE_BYTES = 256 << 20

# Characters that start a formula, after NFKC normalisation of full-width forms.
FORMULA_SIGNS = "=+-@\u2212"
LINE_BREAKS = r"\r\n\v\f\x1c-\x1e\x85\u2028\u2029"
# Some spreadsheets split cells at these even in files with commas.
CELL_SEPARATORS = re.compile(r"([;\t])")
SEPARATORS_AND_LINES = re.compile(rf"([;\t{LINE_BREAKS}]+)")


class TableError(ValueError):
    """A table cannot be read; the message says why, and what to do."""


def escape_formula(value: Any) -> Any:
    """Quote a text that a spreadsheet would evaluate as a formula; leave numbers unchanged.

    Line breaks become spaces.
    """
    if not isinstance(value, str):
        return value
    begins_oddly = value[:1] in ("\t", "\r", "\n")
    lines = re.sub(f"[{LINE_BREAKS}]+", " ", value)
    pieces = ["'" * is_formula(piece) + piece for piece in CELL_SEPARATORS.split(lines)]
    text = "".join(pieces)
    return "'" + text if begins_oddly and not text.startswith("'") else text


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet might evaluate a text as a formula."""
    for letter in text:
        # Skip spaces and invisible characters, such as directional marks and control characters.
        if not (letter.isspace() or unicodedata.category(letter) in ("Cc", "Cf", "Mn", "Me")):
            return unicodedata.normalize("NFKC", letter)[0] in FORMULA_SIGNS
    return False


def quote_formulas(text: str) -> str:
    """Quote the formulas in a text that keeps its lines; :func:`unquote_formulas` undoes it."""
    pieces = SEPARATORS_AND_LINES.split(text)
    quoted = "".join("'" * is_formula(piece.lstrip("'")) + piece for piece in pieces)
    return "'" + quoted if _begins_oddly(text) else quoted


def unquote_formulas(text: str) -> str:
    """Undo :func:`quote_formulas`."""
    if text.startswith("'") and _begins_oddly(text):
        text = text[1:]
    pieces = SEPARATORS_AND_LINES.split(text)
    return "".join(
        piece[1:] if piece.startswith("'") and is_formula(piece.lstrip("'")) else piece
        for piece in pieces
    )


def _begins_oddly(text: str) -> bool:
    return text.lstrip("'").startswith(("\t", "\r", "\n"))


def to_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV, with a byte order mark, by which Excel recognises UTF-8."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(header)
    # Spreadsheets know no character 0, and some end the file there.
    writer.writerows(
        [cell.replace("\0", "") if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return "\ufeff" + file.getvalue()


def decode(content: bytes) -> str:
    """Decode a text file in any encoding in which spreadsheets save tables.

    These are UTF-8, UTF-16 with a byte order mark, and else Windows-1252.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that are not empty, each with the number of its line.

    Columns are separated by commas, semicolons or tabs.

    Raises
    ------
    TableError
        If it is no CSV; the message begins with the line.
    """
    first = next((line for line in text.splitlines() if line.strip()), "")
    if named := re.fullmatch(r"\s*\"?sep=(.)\"?\s*", first):  # Excel's own first line
        delimiter = named[1]
    else:
        delimiter = max(",;\t", key=first.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        for row in reader:
            if any(cell.strip() for cell in row) and not (named and reader.line_num == 1):
                yield reader.line_num, row
    except csv.Error as error:
        raise TableError(f"line {reader.line_num}: it is no CSV file: {error}.") from None


def read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a table: the names of its columns, and its rows with the numbers of their lines.

    Raises
    ------
    TableError
        If it is too large, is empty, or is no CSV file.
    OSError
        If it cannot be read.
    """
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise TableError(f"{path} has more than {MAX_TABLE_BYTES / 1e6:.0f} MB; is it a table?")
    try:
        rows = list(rows_of(decode(path.read_bytes())))
    except TableError as error:
        raise TableError(f"{path}, {error}") from None
    if not rows:
        raise TableError(f"{path} is empty; its first row has to name the columns.")
    (_, header), *rows = rows
    return [name.strip() for name in header], rows


def column_name(title: str) -> str:
    """Return the title of a column in lower case, with single spaces between its words."""
    return " ".join(re.split(r"[\s_-]+", title.casefold().strip()))
