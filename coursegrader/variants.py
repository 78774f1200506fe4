"""Variants of an exercise: a seed for each student, signed, and verified when it comes back.

A master has the published variant in a locked cell, ``numbers = variant("capstone", 0)``.
``coursekit release`` writes a student's seed in the place of the 0, and a signature into the
metadata of the notebook. ``coursekit grade`` finds out by which seed a submission is to be judged.
"""

from __future__ import annotations

import ast
import hmac
import json
import os
import re
import secrets
import stat
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbformat import NotebookNode

from coursegrader.collect import IGNORED_NAMES, normalized_name, student
from coursegrader.notebook import VariantMark, marks_of
from coursegrader.tables import TableError, column_name, rows_of
from coursekit.exercises.variants import LARGEST_SEED

KEY_NAME = "variants.key"
KEY_DIGITS = 64
MAX_ROSTER_BYTES = 10 << 20
MAX_FOLDER_BYTES = 200  # of a student's folder; file systems take 255

# Columns of a roster, in lower case; each word may be followed by a space, "_" or "-".
ID_COLUMNS = ("student", "id", "email", "username")
NAME_COLUMNS = ("name", "full name", "student name", "email address", "e mail", "user name")
FIRST_NAME_COLUMNS = ("first name", "firstname", "given name")
LAST_NAME_COLUMNS = ("last name", "lastname", "surname", "family name")
# Windows, which some students have, takes none of these for a folder.
FORBIDDEN_LETTERS = frozenset('<>:"/\\|?*')
FORBIDDEN_NAMES = {
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}

AS_GIVEN = "as given"  # the status of a submission whose variant is the student's own
MADE_FOR = "made for "  # the status of another's, before the name
LINE_BREAK = re.compile(r"\r\n|\r|\n")
MAGIC_LINE = re.compile(r"^([ \t]*)[%!?].*$", re.MULTILINE)


class VariantError(ValueError):
    """A key or a roster cannot be used; the message says why, and what to do."""


# ------------------------------------------------------------------------- the call in a master


@dataclass(frozen=True)
class VariantCall:
    """A call such as ``variant("capstone", 0)`` in the source of a cell.

    Attributes
    ----------
    name : str
        Name of the set of exercises.
    seed : int or None
        The seed; None if it is not written as a number that can be one.
    start, end : int
        Where the number begins and ends in the source, in characters.
    """

    name: str
    seed: int | None
    start: int = 0
    end: int = 0

    def write(self, source: str, seed: int) -> str:
        """Return the source with another seed."""
        return f"{source[: self.start]}{seed}{source[self.end :]}"


def find_calls(source: str) -> list[VariantCall]:
    """Return the calls of ``variant`` in the source of a code cell of a master.

    Parameters
    ----------
    source : str
        It may have lines with IPython's magics. It is trusted: deeply nested code could end
        this process.
    """
    tree = _parse(source)
    found = []
    for call in ast.walk(tree) if tree else ():
        match call:
            case ast.Call(ast.Name("variant") | ast.Attribute(attr="variant")):
                words = {word.arg: word.value for word in call.keywords}
                given = dict(zip(("name", "seed"), call.args, strict=False)) | words
                match given.get("name"):
                    case ast.Constant(str(name)):
                        found.append(_call(name, given.get("seed"), source))
    return found


def _call(name: str, seed: ast.expr | None, source: str) -> VariantCall:
    if not isinstance(seed, ast.Constant) or type(seed.value) is not int:
        return VariantCall(name, None)
    if seed.value > LARGEST_SEED:
        return VariantCall(name, None)
    starts = [0, *(one.end() for one in LINE_BREAK.finditer(source))]

    def place(line: int, column: int) -> int:  # ast counts columns in bytes
        start = starts[line - 1]
        return start + len(source[start:].encode()[:column].decode())

    return VariantCall(
        name,
        seed.value,
        place(seed.lineno, seed.col_offset),
        place(seed.end_lineno, seed.end_col_offset),
    )


def _parse(source: str) -> ast.Module | None:
    """Parse a cell; None if it is not Python even without its magics."""
    for text in (source, MAGIC_LINE.sub(r"\1pass", source)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def calls_in(notebook: NotebookNode) -> Iterator[tuple[NotebookNode, VariantCall]]:
    """Yield the calls of ``variant`` in the locked cells of a notebook, each with its cell.

    A locked cell is one that learners do not edit, and that is neither graded nor an answer.
    """
    for cell in notebook.cells:
        marks = marks_of(cell)
        others = any(marks.get(flag) for flag in ("solution", "grade", "task"))
        if (
            cell.cell_type == "code"
            and marks.get("locked")
            and marks.get("grade_id")
            and not others
        ):
            yield from ((cell, call) for call in find_calls(cell.source))


# --------------------------------------------------------------------- the key and its seeds


def new_key() -> bytes:
    """Return a new random key."""
    return secrets.token_bytes(KEY_DIGITS // 2)


def read_key(path: Path) -> bytes:
    """Read a key from a file.

    Raises
    ------
    VariantError
        If the file does not hold a key.
    OSError
        If it cannot be read.
    """
    if not path.is_file():
        if path.exists():
            raise VariantError(f"{path} is no file; name the file with the key of the variants.")
        raise FileNotFoundError(
            f"there is no file {path}. Name the key with which `coursekit release` signed the "
            "notebooks."
        )
    with path.open("rb") as file:
        content = file.read(KEY_DIGITS + 10)
    text = content.decode("ascii", "replace").strip()
    if not re.fullmatch(rf"[0-9a-f]{{{KEY_DIGITS}}}", text):
        raise VariantError(
            f"{path} is no key: it has to hold {KEY_DIGITS} digits from 0 to f, as `coursekit "
            "release` writes them. If it was damaged, take a copy of it; a new key cannot verify "
            "the notebooks that were handed out."
        )
    return bytes.fromhex(text)


def write_key(path: Path, key: bytes) -> None:
    """Write a key to a new file that only its owner can read.

    Raises
    ------
    FileExistsError
        If there is such a file: a key that is overwritten is lost.
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")


def others_can_read(path: Path) -> bool:
    """Return whether other users of this machine may be able to read a file."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def sign(key: bytes, name: str, student: str, seed: int) -> str:
    """Return the signature of a variant in hexadecimal digits.

    Parameters
    ----------
    key : bytes
    name : str
        Name of the set of exercises.
    student : str
        Whom it was made for; empty if it was made for a whole class.
    seed : int
    """
    return _mac(key, "signature", name, student, seed).hex()


def seed_of(key: bytes, name: str, student: str) -> int:
    """Return the seed of one student, from 1 on; it depends on nothing else.

    Parameters
    ----------
    key : bytes
    name : str
        Name of the set of exercises.
    student : str
        The student; upper and lower case are the same.
    """
    mac = _mac(key, "seed", name, normalized_name(student))
    return int.from_bytes(mac, "big") % LARGEST_SEED + 1


def _mac(key: bytes, *parts: str | int) -> bytes:
    return hmac.digest(key, json.dumps(parts).encode(), "sha256")


# ---------------------------------------------------------------------------------- the roster


class Roster:
    """The students of a class.

    Parameters
    ----------
    names : dict of str to sequence of str
        For each student, by identifier, the other names that a submission may come with.

    Attributes
    ----------
    students : tuple of str
        The identifiers, in the order of the file.
    """

    def __init__(self, names: dict[str, Sequence[str]]):
        self.students = tuple(names)
        self._by_id: dict[str, set[str]] = defaultdict(set)
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._by_letters: dict[str, set[str]] = defaultdict(set)
        self._names: dict[str, set[str]] = defaultdict(set)
        for identifier, others in names.items():
            self._by_id[normalized_name(identifier)].add(identifier)
            for name in (identifier, *others):
                self._by_name[normalized_name(name)].add(identifier)
                for letters in _orders(name):
                    self._by_letters[letters].add(identifier)
                self._names[identifier].add(normalized_name(name))

    def match(self, name: str) -> tuple[str, ...]:
        """Return the identifiers of the students that a submission with this name may be from.

        An identifier counts more than another name, and a name counts more than one with the same
        letters. Canvas, for example, names the files of Jürgen Müller "mullerjurgen".

        Parameters
        ----------
        name : str
            Name of the student as :func:`coursegrader.collect.collect` found it.

        Returns
        -------
        tuple of str
            Empty if nobody has that name; several if it is not clear who it is.
        """
        normal = normalized_name(name)
        for known, key in (
            (self._by_id, normal),
            (self._by_name, normal),
            (self._by_letters, _letters(name)),
        ):
            if key in known:
                return tuple(sorted(known[key]))
        return ()

    def names_of(self, identifier: str) -> frozenset[str]:
        """Return the names by which only this student is known, in normal form.

        Parameters
        ----------
        identifier : str
        """
        names = self._names[identifier]
        return frozenset(name for name in names if self.match(name) == (identifier,))


def _letters(name: str) -> str:
    """Return only the letters and digits of a name, in lower case and without accents."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _orders(name: str) -> set[str]:
    """Return the letters of a name with the first name first, and with the last name first."""
    words = [_letters(word) for word in re.split(r"[\W_]+", unicodedata.normalize("NFC", name))]
    turned = {"".join(words[turn:] + words[:turn]) for turn in range(len(words))}
    return (turned | {_letters(name)}) - {""}


def read_roster(path: Path) -> Roster:
    """Read the students of a class from a CSV file.

    The first row names the columns. A student's identifier is in the column ``student``, or else
    in ``id``, ``email`` or ``username``. All of these columns, and ``name``, or ``first name``
    and ``last name``, also name the student of a submission. A gradebook that Canvas exported and a
    grading worksheet of Moodle will do.

    Parameters
    ----------
    path : Path
        A file in UTF-8, with columns separated by commas, semicolons or tabs.

    Returns
    -------
    Roster

    Raises
    ------
    VariantError
        If it is no such file, or an identifier is missing, is there twice, or cannot be the name
        of a folder. The message quotes the row.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_ROSTER_BYTES + 1)
    if len(content) > MAX_ROSTER_BYTES:
        raise VariantError(f"{path} has more than {MAX_ROSTER_BYTES / 1e6:.0f} MB; is it a roster?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise VariantError(
            f"{path} is not in UTF-8 ({error.reason} at byte {error.start}). Save it again; in "
            "Excel, as 'CSV UTF-8'."
        ) from None
    try:
        rows = list(rows_of(text))
    except TableError as error:
        raise VariantError(f"{path}, {error}") from None
    if not rows:
        raise VariantError(f"{path} is empty; its first row has to name a column `student`.")
    (_, header), *rows = rows
    columns: dict[str, int] = {}
    for place, title in enumerate(header):
        columns.setdefault(column_name(title), place)
    # Moodle's grading worksheet has no other identifier that a submission comes with.
    column = next((name for name in (*ID_COLUMNS, "email address") if name in columns), None)
    if column is None:
        raise VariantError(
            f"{path} has no column `student`, `id`, `email` or `username`; its first row is "
            f"{_quoted(header)}. Name the column with the students' identifiers so."
        )
    names: dict[str, Sequence[str]] = {}
    seen: dict[str, int] = {}
    for line, row in rows:

        def cell(name: str, row: list[str] = row) -> str:
            place = columns.get(name, len(row))
            return unicodedata.normalize("NFC", row[place].strip()) if place < len(row) else ""

        if {"student", "id", "section"} <= columns.keys() and is_canvas_own(cell):
            continue
        identifier, where = cell(column), f"{path}, line {line}, {_quoted(row)}"
        if not identifier:
            raise VariantError(f"{where}: its {column} is empty. Fill it in, or take the row out.")
        if problem := _folder_problem(identifier):
            raise VariantError(
                f"{where}: the {column} {identifier!r:.220} cannot be the name of a folder: "
                f"{problem}. Give the student another one."
            )
        normal = normalized_name(identifier)
        if normal in seen:
            raise VariantError(
                f"{where}: the {column} {identifier!r} is already in line {seen[normal]} (upper "
                "and lower case are the same). Take one of the rows out, or give one of the "
                "students another one."
            )
        seen[normal] = line
        first, last = (
            next(filter(None, map(cell, columns_)), "")
            for columns_ in (FIRST_NAME_COLUMNS, LAST_NAME_COLUMNS)
        )
        others = [cell(name) for name in (*ID_COLUMNS, *NAME_COLUMNS)]
        others += [one.partition("@")[0] for one in others if "@" in one]
        if first and last:
            others.append(f"{first} {last}")
        names[identifier] = list(filter(None, others))
    if not names:
        raise VariantError(f"{path} names no student: there is no row below the first.")
    return Roster(names)


def is_canvas_own(cell: Callable[[str], str]) -> bool:
    """Return whether a row of Canvas's gradebook is none of a student's.

    Above the students it has the possible points, and which assignments are hidden. An ordinary
    roster may have the same columns, and a student whose number is not known.

    Parameters
    ----------
    cell : callable
        Returns the value of a column by its name in lower case.
    """
    student = cell("student")
    return not cell("id") and ("Points Possible" in student or not (student or cell("section")))


def _quoted(row: Sequence[str]) -> str:
    text = ",".join(row)
    return repr(text if len(text) <= 200 else text[:199] + "…")


def _folder_problem(identifier: str) -> str:
    """Return why an identifier cannot be the name of a student's folder; empty if it can."""
    wrong = [
        letter
        for letter in identifier
        if letter in FORBIDDEN_LETTERS or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
    ]
    if wrong:
        return f"it has {wrong[0]!r}"
    if len(identifier.encode()) > MAX_FOLDER_BYTES:
        return f"it is longer than {MAX_FOLDER_BYTES} bytes"
    if identifier.startswith(".") or identifier.endswith("."):
        return "it begins or ends with a dot"
    if identifier.casefold().partition(".")[0] in FORBIDDEN_NAMES:
        return "Windows keeps that name for itself"
    if identifier.casefold() in {"submitted", *IGNORED_NAMES}:
        return "`coursekit grade` takes such a folder for something else"
    if (taken := student(f"{identifier}/notebook.ipynb")) != identifier:
        return f"`coursekit grade` would take it for {taken!r}"
    return ""


# ------------------------------------------------------- by which seed a submission is judged


@dataclass(frozen=True)
class Recipient:
    """Who handed in a notebook, and what it takes to verify their variant.

    Attributes
    ----------
    key : bytes
        The key of the signatures.
    student : str
        The name that the submission came with.
    listed : bool
        Whether there is a roster.
    matches : tuple of str
        The students of the roster who may have that name.
    names : frozenset of str
        All names of that student in the roster, in normal form; the notebook may have been made
        for any of them.
    """

    key: bytes = field(repr=False)
    student: str
    listed: bool = False
    matches: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def identifier(self) -> str:
        """The student in the roster; empty if it is not known who that is."""
        return self.matches[0] if len(self.matches) == 1 else ""

    @property
    def fingerprint(self) -> str:
        """A text that changes when another variant counts; it does not reveal the key."""
        names = "\n".join(sorted(self.names))
        return _mac(self.key, "state", self.student, self.listed, *self.matches, names).hex()


@dataclass(frozen=True)
class Issued:
    """The key of the variants that were released, and who got them.

    Attributes
    ----------
    key : bytes
    roster : Roster, optional
    """

    key: bytes = field(repr=False)
    roster: Roster | None = None

    def recipient(self, student: str) -> Recipient:
        """Return what is known of the student of a submission."""
        if self.roster is None:
            return Recipient(self.key, student)
        matches = self.roster.match(student)
        names = self.roster.names_of(matches[0]) if len(matches) == 1 else frozenset()
        return Recipient(self.key, student, True, matches, names)


@dataclass(frozen=True)
class Verdict:
    """By which variant a submission is judged, and what is to be said of it.

    Attributes
    ----------
    seed : int
    status : str
        In a few words, for the gradebook; empty if there is nothing to verify.
    remarks : tuple of str
    trouble : bool
        Whether a person should look at it.
    """

    seed: int = 0
    status: str = ""
    remarks: tuple[str, ...] = ()
    trouble: bool = False


_FAULTS = {
    "": (
        "signature does not fit",
        "the signature of its variant does not fit: its metadata were edited, or come from "
        "another notebook, or it was signed with another key",
    ),
    "missing": (
        "metadata missing",
        "its metadata do not say which variant it is: it is the published notebook, or a program "
        "that saved it left them out",
    ),
    "unreadable": (
        "metadata unreadable",
        "its metadata say nothing about its variant that `coursekit release` would write",
    ),
}


def verify(
    call: VariantCall, mark: VariantMark, asked: int | None, recipient: Recipient | None
) -> Verdict:
    """Find out by which variant a submission is judged.

    This is the student's own if the roster says who that is, whatever is in the notebook.
    Otherwise it is the variant that the notebook was signed for, or else that of the master.

    Parameters
    ----------
    call : VariantCall
        The call in the master.
    mark : VariantMark
        What the metadata of the submission say; they may be forged.
    asked : int or None
        The seed in the submission's copy of the locked cell; None if it cannot be read.
    recipient : Recipient or None
        None if there is no key.

    Returns
    -------
    Verdict
    """
    published = call.seed or 0
    if recipient is None:
        return _unverified(published, mark, asked)
    key, who = recipient.key, recipient.identifier or recipient.student
    signed = _is_signed(key, call.name, mark)
    if signed and normalized_name(mark.student) in recipient.names:
        who = mark.student  # released with a roster that identified the student by another name
    derived = seed_of(key, call.name, who)
    own = bool(recipient.identifier) or (not recipient.listed and asked == derived)
    if own and not (signed and not recipient.listed):
        seed, basis = derived, f"{who}'s own variant"
    elif signed:
        whose = f"of {mark.student}" if mark.student else "of the whole class"
        seed, basis = mark.seed, f"the variant {whose}"
    else:
        seed, basis = published, f"variant {published}"
    status, remarks = AS_GIVEN, []
    if recipient.listed and not recipient.identifier:
        status = "not in the roster"
        remarks.append(
            f"{recipient.student} fits several students of the roster "
            f"({', '.join(recipient.matches[:5])})"
            if recipient.matches
            else f"{recipient.student} is not in the roster"
        )
    if not signed and own and mark.problem == "missing" and asked == seed:
        # The right seed, which nobody can guess, says as much as a signature.
        remarks.append(
            f"its metadata no longer say which variant it is, but its locked cell does: {basis}"
        )
    elif not signed:
        status, text = _FAULTS[mark.problem]
        remarks.append(f"{text}; it was judged by {basis}")
    elif mark.student and normalized_name(mark.student) != normalized_name(who):
        status = f"{MADE_FOR}{mark.student}"
        if recipient.identifier:
            rest = f"{who} was given another variant, by which it was judged"
        else:
            rest = f"it was judged by {basis}, not by one of {who}"
            rest += "" if recipient.listed else "; with --roster, the student's own would count"
        remarks.append(f"this notebook was made for {mark.student}; {rest}")
    elif recipient.identifier and not mark.student:
        status = f"{MADE_FOR}the whole class"
        remarks.append(
            f"this notebook was made for the whole class; {who} was given another variant, by "
            "which it was judged"
        )
    if asked is not None and asked != seed and not (signed and asked == mark.seed):
        status = "cell edited" if status == AS_GIVEN else status
        remarks.append(f"its locked cell asks for variant {asked}; it ran with variant {seed}")
    return Verdict(seed, status, tuple(remarks), status != AS_GIVEN)


def _is_signed(key: bytes, name: str, mark: VariantMark) -> bool:
    expected = sign(key, name, mark.student, mark.seed)
    return not mark.problem and hmac.compare_digest(expected, mark.signature)


def _unverified(published: int, mark: VariantMark, asked: int | None) -> Verdict:
    """Judge by the variant of the master; say so if the notebook seems to be of another."""
    said = asked if mark.problem else mark.seed
    if said in (None, published) and mark.problem != "unreadable":
        return Verdict(published)
    which = "a variant" if said in (None, published) else f"variant {said}"
    text = (
        f"it seems to be {which} of the exercise, and was judged by variant {published}. Give the "
        "key with which it was signed: --key variants.key"
    )
    return Verdict(published, remarks=(text,))
