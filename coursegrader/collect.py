"""Find the submitted notebooks in folders and archives."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from coursegrader.notebook import MAX_NOTEBOOK_BYTES, too_large

MAX_FILES = 20_000  # in one archive, or below one entry of the top folder
MAX_NOTEBOOKS = 20  # in one student's archive; also the number of archives per student
MAX_STUDENT_BYTES = 200_000_000  # unpacked for one student
MAX_CLASS_BYTES = 2_000_000_000
MAX_DEPTH = 32  # of nested folders
MAX_NAME_LENGTH, MAX_PATH_LENGTH = 200, 400

# How learning platforms name files. Moodle: "Jane Doe_12345_assignsubmission_file_";
# Canvas: "doejane_LATE_12345_67890_breast-cancer", with the numbers of the student and of the file;
# nbgrader, for what is handed in: "jdoe+breast-cancer+2026-11-30 09:30:00.000000 UTC+x7".
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_.+$", re.DOTALL)
CANVAS = re.compile(
    r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d{3,})_(?P<file>\d{3,})_.+$", re.DOTALL
)
NBGRADER = re.compile(
    r"^(?P<name>[^+]+)\+[^+]+\+(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^+]*)(\+.*)?$", re.DOTALL
)
# Canvas adds a number to the name of a file that is handed in again.
ATTEMPT = re.compile(r"-(\d{1,4})$")
TIMESTAMP = "timestamp.txt"  # beside a notebook that nbgrader has collected
MAX_TIMESTAMP_BYTES = 200

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
UNREADABLE_ARCHIVES = (".rar", ".7z", ".gz", ".bz2", ".xz", ".zipx", ".lzh", ".cab", ".dmg", ".iso")
# Suffixes of files that students submit by mistake instead of a notebook.
MISTAKEN_SUFFIXES = (
    *(".ipynb.txt", ".ipynb.json", ".ipynb.html", ".url", ".webloc", ".gdoc", ".lnk"),
    *(".py", ".html", ".htm", ".mhtml", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".pages"),
    *(".ppt", ".pptx", ".tex", ".r", ".rmd", ".qmd", ".m", ".mlx", ".java", ".jl"),
    *UNREADABLE_ARCHIVES,
)
IGNORED_NAMES = {"__macosx", "__pycache__", "thumbs.db", "desktop.ini"}
ACCEPTED_FORMATS = "Notebooks (.ipynb) are read, also from a .zip or .tar archive."

# A larger directory of a zip has more than MAX_FILES entries, or extremely long names.
_MAX_DIRECTORY_BYTES = MAX_FILES * 256
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Origin:
    """What a learning platform says of a submission, in the names of files or beside it.

    Attributes
    ----------
    platform : {"", "moodle", "canvas", "nbgrader"}
    number : str
        Moodle's number of the participant, or Canvas's of the student.
    late : bool
        Whether Canvas marked it as late.
    attempt : tuple of int
        Later attempts of a student have larger values.
    time : str
        When it was handed in, as nbgrader wrote it.
    """

    platform: str = ""
    number: str = ""
    late: bool = False
    attempt: tuple[int, int] = (0, 0)
    time: str = ""


@dataclass(frozen=True)
class Submitted:
    """One submitted notebook, or the reason why a student has none.

    It does not hold the content of the notebook, only where to read it.

    Attributes
    ----------
    student : str
        Name of the student, taken from the name of the file or folder.
    path : str
        Path relative to the folder of submissions. Unprintable characters are replaced.
    problem : str
        Why the notebook was not read; empty if it was.
    note : str
        Remark for the person who grades; may be empty.
    digest : str
        SHA-256 of the content in hexadecimal digits; empty if there is a problem.
    place : Path, optional
        The file on this machine, which may be an archive.
    members : tuple of int
        Index of the notebook in that archive; two indices for an archive in an archive.
    identity : bytes
        The original path, before unprintable characters were replaced.
    held : bytes, optional
        The content, if it was loaded.
    origin : Origin
    """

    student: str
    path: str
    problem: str = ""
    note: str = ""
    digest: str = ""
    place: Path | None = field(default=None, repr=False)
    members: tuple[int, ...] = field(default=(), repr=False)
    identity: bytes = field(default=b"", repr=False)
    held: bytes | None = field(default=None, repr=False)
    origin: Origin = Origin()

    @property
    def content(self) -> bytes:
        """The content of the notebook, read from disk at each access; empty if there is a problem.

        Raises
        ------
        OSError
            If the file has been removed or cannot be read.
        ValueError
            If the file has changed since it was found.
        """
        if self.held is not None or self.problem or self.place is None:
            return self.held or b""
        again = "Leave the submissions as they are while they are graded, and run it again."
        try:
            with _open_regular_file(self.place) as file:
                content = _read_notebook(file, self.place.name, self.members, MAX_CLASS_BYTES)
        except OSError as error:
            message = (
                f"{self.path} was found, but cannot be read now: {_error_text(error)}. {again}"
            )
            raise OSError(error.errno or errno.EIO, message) from error
        except Exception as error:  # an archive may have been changed into anything
            message = (
                f"{self.path} was found, but cannot be read now: {_error_text(error)}. {again}"
            )
            raise ValueError(message) from error
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise ValueError(f"{self.path} was changed after it was found. {again}")
        return content

    def loaded(self) -> Submitted:
        """Return a copy that holds its content, to be sent to another machine.

        Raises
        ------
        OSError, ValueError
            As :attr:`content` does.
        """
        return replace(self, held=self.content, place=None, members=())

    @property
    def key(self) -> str:
        """A file name for its results: ASCII letters and digits, unique to each path."""
        plain = unicodedata.normalize("NFKD", f"{self.student}-{self.stem}")
        plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "notebook"
        identity = self.identity or _path_bytes(self.path)
        return f"{plain}-{hashlib.sha256(identity).hexdigest()[:16]}"

    @property
    def stem(self) -> str:
        """Name of the file without its suffix."""
        return PurePosixPath(self.path).stem


def collect(folder: Path | str) -> list[Submitted]:
    """Find all submitted notebooks in a folder or archive, and all students without one.

    These forms are recognised: ``NAME.ipynb``, ``NAME/*.ipynb``, archives ``NAME.zip``, archives
    of whole classes as Moodle and Canvas make them, nbgrader's
    ``submitted/NAME/ASSIGNMENT/*.ipynb``, and ``NAME+ASSIGNMENT+TIME`` of its exchange. An archive
    is a ``.zip`` or a ``.tar``, which may be compressed (``.tar.gz``, ``.tgz``, ``.tar.bz2``,
    ``.tar.xz``).

    The outermost file or folder names the student; names within it are ignored. If ``folder`` is
    itself an archive, it is the archive of a class. An archive at the top of a folder belongs to
    one student, unless a learning platform named its content but not the archive itself. Any
    other archive belongs to one student. Archives within the archive of a class are opened;
    archives within the archive of a student are not.

    A student without a notebook gets one row, whose problem says what was submitted instead. A
    folder counts as a submission even if it is empty. A single file at the top counts if it is a
    notebook or an archive, if a learning platform named it, or if its suffix is in
    :data:`MISTAKEN_SUFFIXES` (such as ``.py``, ``.pdf`` and ``.rar``). Other files, such as a
    platform's list of grades, are ignored, as are hidden files and read-me files.

    Symbolic links are not followed, and archives are not unpacked to disk. The amount of unpacked
    data is limited. An error in one file becomes the problem of its row.

    Parameters
    ----------
    folder : path
        A folder, a notebook or an archive.

    Returns
    -------
    list of Submitted
        Sorted by path, with unique paths.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or archive.
    """
    folder = Path(folder)
    if not os.path.exists(folder):
        raise FileNotFoundError(f"there is no folder or archive {folder}.")
    path = Path(os.path.abspath(folder))
    rows = list(_rows_of_folder(path) if os.path.isdir(path) else _rows_of_file(path))
    return _with_unique_paths(_with_namesakes(rows))


# ------------------------------------------------------------------------- students and names


class _Owner(NamedTuple):
    """A student: a name, and the platform's number that distinguishes students of the same name."""

    name: str
    number: str = ""


def student(path: str) -> str:
    """Return the student that a path belongs to, named by its first folder or else by the file."""
    parts = _parts(path)
    return (
        _printable(_owner_of(parts, folder=len(parts) > 1).name, MAX_NAME_LENGTH).strip()
        or "nobody"
    )


def _owner_of(parts: tuple[str, ...], folder: bool) -> _Owner:
    first = parts[0] if parts else "nobody"
    match = _match_platform_name(first if folder else _without_ending(first))
    if match:
        return _Owner(match["name"], match.groupdict().get("id", ""))
    return _Owner(_without_ending(first, only_known=folder))


def _match_platform_name(name: str) -> re.Match | None:
    return MOODLE.match(name.rstrip("_")) or CANVAS.match(name) or NBGRADER.match(name)


def _origin_of(item: _Item, time: str) -> Origin:
    first = item.parts[0]
    match = _match_platform_name(first if len(item.parts) > 1 else _without_ending(first))
    if match is None:
        return Origin(time=time)
    named = match.groupdict()
    platform = {MOODLE: "moodle", CANVAS: "canvas", NBGRADER: "nbgrader"}[match.re]
    again = ATTEMPT.search(PurePosixPath(item.parts[-1]).stem) if platform == "canvas" else None
    return Origin(
        platform,
        named.get("id", ""),
        bool(named.get("late")),
        (int(named.get("file", 0)), int(again[1]) if again else 0),
        time or named.get("time", ""),
    )


def _times_beside(items: list[_Item]) -> dict[tuple[str, ...], str]:
    """Read nbgrader's files with the times of submissions, by their folders."""
    times = {}
    for item in items:
        if item.parts[-1] == TIMESTAMP and item.place and not (item.members or item.problem):
            with suppress(OSError, _RefusedError), _open_regular_file(item.place) as file:
                text = file.read(MAX_TIMESTAMP_BYTES).decode("utf-8", "replace")
                times[item.parts[:-1]] = _printable(text.strip(), MAX_TIMESTAMP_BYTES)
    return times


def _is_named_by_platform(parts: tuple[str, ...]) -> bool:
    return bool(parts and _match_platform_name(parts[0]))


def _without_ending(name: str, only_known: bool = False) -> str:
    """Remove the suffix of a name; with ``only_known``, only that of a notebook or archive."""
    for ending in sorted((".ipynb", *ARCHIVES), key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
            break
    else:
        name = name if only_known else PurePosixPath(name).stem
    return name[: -len(".ipynb")] if name.lower().endswith(".ipynb") else name


def _parts(name: str) -> tuple[str, ...]:
    """Split a path, without empty parts, ``.`` and ``..``."""
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def _ignored(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part.lower() in IGNORED_NAMES for part in parts)


def _kind(name: str) -> str:
    if name.lower().endswith(".ipynb"):
        return "notebook"
    return "archive" if name.lower().endswith(ARCHIVES) else "other"


def _is_submission(item: _Item) -> bool:
    """Whether a student submitted it, even if it is not a notebook."""
    if len(item.parts) > 1 or item.kind != "other" or _is_named_by_platform(item.parts):
        return True
    name = item.parts[0].lower()
    return name.endswith(MISTAKEN_SUFFIXES) and not name.startswith(
        ("readme", "read me", "license")
    )


# ----------------------------------------------------------------------- files and folders


@dataclass
class _Item:
    """A file or folder from which a row is made.

    For an archive, ``inside`` lists the notebooks found in it. An archive or folder has a
    ``problem`` if it might contain notebooks that were not found.
    """

    parts: tuple[str, ...]
    kind: str  # "notebook", "archive", "folder" or "other"
    place: Path | None = None
    members: tuple[int, ...] = ()
    size: int = 0
    problem: str = ""
    digest: str = ""
    inside: list[_Item] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # other files in an archive

    @property
    def owner(self) -> _Owner:
        return _owner_of(self.parts, folder=self.kind == "folder" or len(self.parts) > 1)


class _RefusedError(ValueError):
    """A file is refused; the message is meant for the person who grades."""


@dataclass
class _Allowance:
    """How many bytes may still be unpacked for a student, or for the whole class."""

    left: int
    of_class: _Allowance | None = None
    archives: int = MAX_NOTEBOOKS

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _RefusedError(_too_much(MAX_STUDENT_BYTES if self.of_class else MAX_CLASS_BYTES))
        if self.of_class:
            self.of_class.spend(size)


def _allowances() -> defaultdict[_Owner, _Allowance]:
    of_class = _Allowance(MAX_CLASS_BYTES)
    return defaultdict(lambda: _Allowance(MAX_STUDENT_BYTES, of_class))


def _rows_of_folder(top: Path) -> Iterator[_Row]:
    if os.path.isdir(top / "submitted"):
        top = top / "submitted"
    try:
        items = list(_walk(top))
    except OSError as error:
        problem = f"it cannot be read: {_error_text(error)}"
        yield _row(_Owner(top.name), _Item((top.name,), "folder"), problem)
        return
    own, allowances = [], _allowances()
    for item in items:
        if item.kind == "archive" and not item.problem:
            if len(item.parts) == 1 and not _match_platform_name(_without_ending(item.parts[0])):
                members, problem = _list_archive_at(item.place, MAX_STUDENT_BYTES)
                if _is_class_archive(members):
                    if problem:  # it may be what is too much for a student
                        members, problem = _list_archive_at(item.place, MAX_CLASS_BYTES)
                    yield from _rows_of_class_archive(item.place, members, problem, item.parts)
                    continue
            _examine(item, lambda item=item: _open_regular_file(item.place), allowances[item.owner])
        elif item.kind == "notebook" and not item.problem:
            _examine(item, lambda item=item: _open_regular_file(item.place))
        own.append(item)
    yield from _rows(own)


def _rows_of_file(path: Path) -> Iterator[_Row]:
    """Make the rows of a single file: a notebook, or the archive of a class."""
    item = _Item((path.name,), _kind(path.name), path)
    if not os.path.isfile(path):  # opening a pipe would block
        item.problem = "not an ordinary file"
    # The archive of a class may have any name.
    elif item.kind == "archive" or (item.kind == "other" and zipfile.is_zipfile(path)):
        yield from _rows_of_class_archive(path, *_list_archive_at(path, MAX_CLASS_BYTES), ())
        return
    elif item.kind == "notebook":
        _examine(item, lambda: _open_regular_file(path))
    problem = item.problem if item.kind == "notebook" else _describe(item)
    yield _row(item.owner, item, problem)


def _rows_of_class_archive(
    path: Path, members: list[_Item], problem: str, prefix: tuple[str, ...]
) -> Iterator[_Row]:
    """Make the rows of a class archive; the names in it are never used as paths to write to."""
    if not prefix and any(item.parts[0] == "submitted" for item in members):
        within = [item for item in members if item.parts[0] == "submitted"]
        members = [replace(item, parts=item.parts[1:]) for item in within if len(item.parts) > 1]
    items = [item for item in members if _is_submission(item)]
    allowances = _allowances()
    wanted = {
        item.members[0]: (item, allowances[item.owner])
        for item in items
        if item.kind in ("notebook", "archive") and not item.problem
    }
    _examine_members(lambda: _open_regular_file(path), path.name, wanted, MAX_CLASS_BYTES)
    for item in items:
        for one in (item, *item.inside):
            one.place = path
    yield from _rows(items, prefix)
    if problem or not items:
        archive = _Item(prefix or (path.name,), "archive")
        archive.problem, archive.seen = problem, [item.parts[-1] for item in members]
        yield _row(archive.owner, archive, _describe(archive))


def _walk(top: Path) -> Iterator[_Item]:
    """Yield everything in a folder, one student at a time, breadth first."""
    for entry in _entries(top):
        waiting, count = deque([((entry.name,), entry)]), 0
        while waiting:
            parts, entry = waiting.popleft()
            item = _item(parts, entry)
            yield item
            if item.kind != "folder" or item.problem:
                continue
            try:
                below = _entries(Path(entry.path))
            except OSError as error:
                item.problem = f"it cannot be read: {_error_text(error)}"
                continue
            count += len(below)
            if count > MAX_FILES:
                item.problem = f"there are too many files: more than {MAX_FILES}"
            elif below and len(parts) >= MAX_DEPTH:
                item.problem = f"there are folders in folders, more than {MAX_DEPTH} deep"
            else:
                waiting.extend(((*parts, one.name), one) for one in below)


def _entries(folder: Path) -> list[os.DirEntry]:
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if not _ignored((entry.name,))]
    return sorted(kept, key=lambda entry: entry.name)


def _item(parts: tuple[str, ...], entry: os.DirEntry) -> _Item:
    item = _Item(parts, _kind(entry.name), Path(entry.path))
    try:
        if entry.is_symlink():
            item.problem = "a symbolic link, which is not followed"
            # It may lead to the folder of a student.
            item.kind = "folder" if entry.is_dir() else item.kind
        elif entry.is_dir(follow_symlinks=False):
            item.kind = "folder"
        elif not entry.is_file(follow_symlinks=False):
            item.problem = "not an ordinary file"
        else:
            item.size = entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        item.problem = f"it cannot be read: {_error_text(error)}"
    return item


def _is_class_archive(members: list[_Item]) -> bool:
    """Whether an archive belongs to a class: a learning platform named its folders or files."""
    telling = [item for item in members if item.kind in ("notebook", "archive")] or members
    return any(_is_named_by_platform(item.parts) for item in telling)


# ------------------------------------------------------------------- reading with size limits


def _open_regular_file(path: Path) -> BinaryIO:
    """Open a regular file; refuse anything else, even if it has since replaced the file."""
    # Without O_NONBLOCK, opening a pipe would block. The parent folders are trusted.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise _RefusedError("not an ordinary file")
    return os.fdopen(number, "rb")


def _read_chunks(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """Read in chunks, at most one byte more than ``most``, so that an excess is noticed."""
    left = most + 1
    while left and (piece := stream.read(min(_CHUNK_BYTES, left))):
        left -= len(piece)
        yield piece


def _digest_of_notebook(stream: BinaryIO, allowance: _Allowance | None) -> str:
    digest, size = hashlib.sha256(), 0
    for piece in _read_chunks(stream, MAX_NOTEBOOK_BYTES):
        size += len(piece)
        digest.update(piece)
        if allowance:
            allowance.spend(len(piece))
    if size > MAX_NOTEBOOK_BYTES:
        raise _RefusedError(too_large(size, MAX_NOTEBOOK_BYTES))
    return digest.hexdigest()


def _read_notebook(file: BinaryIO, name: str, members: tuple[int, ...], most: int) -> bytes:
    """Read a notebook from a file, or from a member of an archive."""
    if not members:
        content = b"".join(_read_chunks(file, MAX_NOTEBOOK_BYTES))
        if len(content) > MAX_NOTEBOOK_BYTES:
            raise _RefusedError(too_large(len(content), MAX_NOTEBOOK_BYTES))
        return content
    with closing(_members(file, name, most)) as every:
        for item, opened in every:
            if item.members[0] == members[0]:
                with opened() as stream:
                    if len(members) == 1:
                        return _read_notebook(stream, "", (), 0)
                    inner = io.BytesIO(b"".join(_read_chunks(stream, MAX_STUDENT_BYTES)))
                return _read_notebook(inner, item.parts[-1], members[1:], MAX_STUDENT_BYTES)
    raise _RefusedError("the archive has fewer files now")


def _examine(
    item: _Item, opened: Callable[[], BinaryIO], allowance: _Allowance | None = None
) -> None:
    """Read a notebook or a student's archive once; any error becomes its ``problem``."""
    what = "bad archive" if item.kind == "archive" else "it cannot be read"
    try:
        if item.kind == "notebook":
            if item.size > MAX_NOTEBOOK_BYTES:
                raise _RefusedError(too_large(item.size, MAX_NOTEBOOK_BYTES))
            with opened() as stream:
                item.digest = _digest_of_notebook(stream, allowance)
            return
        allowance.archives -= 1
        if allowance.archives < 0:
            raise _RefusedError(f"there are more than {MAX_NOTEBOOKS} archives of this student")
        if item.members and item.size > MAX_STUDENT_BYTES:
            raise _RefusedError(_too_much(MAX_STUDENT_BYTES))
        with opened() as stream:
            _examine_archive(item, stream, allowance)
    except _RefusedError as error:
        item.problem = str(error)
    except Exception as error:  # a malicious file may cause any error
        item.problem = f"{what}: {_error_text(error)}"


def _examine_archive(item: _Item, stream: BinaryIO, allowance: _Allowance) -> None:
    """Find the notebooks in a student's archive."""
    if item.members:  # in another archive, where seeking is not possible
        whole = io.BytesIO()
        for piece in _read_chunks(stream, MAX_STUDENT_BYTES):
            allowance.spend(len(piece))
            whole.write(piece)
        stream = whole
    name = item.parts[-1]
    members, item.problem = _list_archive(stream, name, MAX_STUDENT_BYTES)
    notebooks = [member for member in members if member.kind == "notebook"]
    item.seen = [one.parts[-1] for one in members if one.kind not in ("notebook", "folder")]
    for member in notebooks:
        member.place = item.place
    kept = notebooks[:MAX_NOTEBOOKS]
    wanted = {member.members[0]: (member, allowance) for member in kept if not member.problem}
    _examine_members(lambda: stream, name, wanted, MAX_STUDENT_BYTES)
    for member in kept:
        member.parts, member.members = item.parts + member.parts, item.members + member.members
    item.inside = kept
    if len(notebooks) > len(kept):
        problem = (
            f"there are {len(notebooks)} notebooks in it; the first {MAX_NOTEBOOKS} are graded. "
            "Unpack it and grade the folder if all should be."
        )
        item.inside.append(replace(item, kind="notebook", inside=[], problem=problem))


def _examine_members(
    opened: Callable[[], BinaryIO],
    name: str,
    wanted: dict[int, tuple[_Item, _Allowance]],
    most: int,
) -> None:
    """Examine the wanted members of an archive, in the order of the archive."""
    try:
        if wanted:
            with opened() as file, closing(_members(file, name, most)) as every:
                for member, reader in every:
                    if member.members[0] in wanted:
                        item, allowance = wanted.pop(member.members[0])
                        _examine(item, reader, allowance)
                    if not wanted:
                        break
    except Exception as error:  # as above: one bad archive must not stop the others
        for item, _ in wanted.values():
            item.problem = f"it cannot be unpacked: {_error_text(error)}"


def _list_archive(file: BinaryIO, name: str, most: int) -> tuple[list[_Item], str]:
    """Return the contents of an archive, and what is wrong with it (empty if nothing is)."""
    found: list[_Item] = []
    problem = ""
    try:
        with closing(_members(file, name, most)) as every:
            found.extend(item for item, _ in every)
    except _RefusedError as error:
        problem = str(error)
    except Exception as error:  # as above
        problem = f"bad archive: {_error_text(error)}"
    return _without_ignored(found), problem


def _list_archive_at(path: Path, most: int) -> tuple[list[_Item], str]:
    try:
        with _open_regular_file(path) as file:
            return _list_archive(file, path.name, most)
    except (OSError, _RefusedError) as error:
        return [], f"it cannot be read: {_error_text(error)}"


def _without_ignored(items: list[_Item]) -> list[_Item]:
    """Drop ignored files, but keep the folder of a student who submitted nothing else."""
    hidden = [_Item(item.parts[:1], "folder") for item in items if _ignored(item.parts[1:])]
    shown = [item for item in items if not _ignored(item.parts[1:])] + hidden
    return [item for item in shown if item.parts and not _ignored(item.parts[:1])]


# ---------------------------------------------------------------------------------- archives

# None of these decompresses more than the requested number of bytes at a time.
_UNPACK: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_Members = Iterator[tuple[_Item, Callable[[], BinaryIO]]]


def _members(file: BinaryIO, name: str, most: int) -> _Members:
    """Yield each member of an archive, and a function to open it before the next is yielded."""
    file.seek(0)
    if name.lower().endswith(".zip") or not name.lower().endswith(ARCHIVES):
        yield from _members_of_zip(file)
        return
    start = file.read(6)
    file.seek(0)
    # By content rather than by name: browsers decompress a .tar.gz but keep its name.
    unpack = next((made for magic, made in _UNPACK.items() if start.startswith(magic)), None)
    file = unpack(file) if unpack else file
    yield from _members_of_tar(file, most)


class _BoundedZipFile:
    """A zip file with a limit on each read: ``most`` bytes, or the largest directory."""

    def __init__(self, file: BinaryIO):
        self.file, self.most = file, None
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if self.most:
            return self.file.read(min(size, self.most) if size >= 0 else self.most)
        bounded = 0 <= size <= _MAX_DIRECTORY_BYTES
        content = self.file.read(size if bounded else _MAX_DIRECTORY_BYTES + 1)
        if len(content) > _MAX_DIRECTORY_BYTES:
            raise _too_many()
        return content


def _members_of_zip(file: BinaryIO) -> _Members:
    # zipfile reads the whole directory at once, with a size that the archive states.
    careful = _BoundedZipFile(file)
    with zipfile.ZipFile(careful) as archive:

        def opened(member: zipfile.ZipInfo) -> BinaryIO:
            careful.most = None
            stream = archive.open(member)
            # These two decompress a whole chunk without a limit on the output, and 4 kB may
            # become 4 GB. So the chunks are small.
            if member.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
                careful.most = 32
            return stream

        members = archive.infolist()
        if len(members) > MAX_FILES:
            raise _too_many()
        for number, member in enumerate(members):
            # Some Windows programs write backslashes as separators.
            item = _member(member.filename.replace("\\", "/"), number, member.file_size)
            if member.is_dir() or member.filename.endswith("\\"):
                item.kind = "folder"
            elif stat.S_ISLNK(member.external_attr >> 16):
                item.problem = "a symbolic link, which is not followed"
            yield item, lambda member=member: opened(member)


class _BoundedTarFile:
    """A tar file of which at most ``most`` bytes are read, and none beyond position ``until``."""

    def __init__(self, file: BinaryIO, most: int):
        self.file, self.most, self.count, self.until = file, most, 0, 0

    def read(self, size: int) -> bytes:
        piece = self.file.read(size)
        self.count += len(piece)
        if self.count > self.most:
            raise _RefusedError(_too_much(self.most))
        if self.count > self.until:
            raise _RefusedError("the name of a file in it has more than a million characters")
        return piece

    def until_next(self, size: int) -> None:
        """Permit reading past a member of some size, up to and including the next header."""
        self.until = self.count + size + (1 << 20)


def _members_of_tar(file: BinaryIO, most: int) -> _Members:
    limited = _BoundedTarFile(file, most)
    limited.until_next(0)
    with tarfile.open(fileobj=limited, mode="r|", bufsize=_CHUNK_BYTES) as archive:
        for number in range(MAX_FILES + 1):
            member = archive.next()
            if member is None:
                return
            limited.until_next(max(member.size, 0))
            item = _member(member.name, number, member.size)
            if member.isdir():
                item.kind = "folder"
            elif member.issym() or member.islnk():
                item.problem = "a link, which is not followed"
            elif not member.isreg() or member.issparse():
                item.problem = "not an ordinary file"
            yield item, lambda member=member: archive.extractfile(member)
        raise _too_many()


def _member(name: str, number: int, size: int) -> _Item:
    parts = _parts(name)
    return _Item(parts, _kind(parts[-1]) if parts else "other", members=(number,), size=size)


def _too_much(most: int) -> str:
    return (
        f"there is too much to unpack: more than {most / 1e6:.0f} MB. Pack only the notebooks, or "
        "unpack it, if you trust it, and grade the folder."
    )


def _too_many() -> _RefusedError:
    return _RefusedError(
        f"there are too many files in it: more than {MAX_FILES}. Pack only the notebooks, and "
        "hand it in again."
    )


# -------------------------------------------------------------------------------------- rows


@dataclass
class _Row:
    """A submission with its owner, before duplicate names are resolved."""

    submitted: Submitted
    owner: _Owner
    source: tuple[str, ...]  # path of the class archive that it came from, if any


def _rows(items: list[_Item], prefix: tuple[str, ...] = ()) -> Iterator[_Row]:
    """Make a row per notebook, and one for each student without a notebook."""
    students: dict[_Owner, list[_Item]] = {}
    for item in items:
        if _is_submission(item):
            students.setdefault(item.owner, []).append(item)
    for owner, own in students.items():
        notebooks = [one for item in own for one in (item, *item.inside) if one.kind == "notebook"]
        rest = [item for item in own if item.kind != "notebook"]
        unread = [item for item in rest if item.kind != "other" and item.problem]
        note = " ".join(
            f"Beside it, {_printable_name(item)} was not read: {item.problem.rstrip('.')}."
            for item in unread
        )
        times = _times_beside(own)
        for item in notebooks:
            time = times.get(item.parts[:-1], "")
            yield _row(owner, item, item.problem, prefix, note, time)
        if notebooks:
            continue
        # Mention folders only if there is nothing else.
        telling = unread or [item for item in rest if item.kind != "folder"] or rest[:1]
        described = telling[0]
        if len(described.parts) > 1 and (len(telling) > 1 or described.kind == "folder"):
            described = _Item(described.parts[:1], "folder")
        yield _row(owner, described, _describe(*telling), prefix)


def _row(
    owner: _Owner,
    item: _Item,
    problem: str,
    prefix: tuple[str, ...] = (),
    note: str = "",
    time: str = "",
) -> _Row:
    parts = prefix + item.parts
    path = "/".join(_printable(part, MAX_NAME_LENGTH) for part in parts)
    submitted = Submitted(
        student=_printable(owner.name, MAX_NAME_LENGTH).strip() or "nobody",
        path=_cut(path, MAX_PATH_LENGTH),
        problem=problem,
        note=note,
        digest="" if problem else item.digest,
        place=None if problem else item.place,
        members=() if problem else item.members,
        identity=_path_bytes("/".join(parts)),
        origin=_origin_of(item, time),
    )
    return _Row(submitted, owner, prefix)


def _describe(*items: _Item) -> str:
    """Describe what was submitted instead of a notebook."""
    if len(items) > 1 and any(item.problem for item in items):
        some = [f"{_printable_name(item)}: {_describe(item)}" for item in items[:3]]
        return " ".join([*some, *([f"And {len(items) - 3} more."] if len(items) > 3 else [])])
    if len(items) > 1:
        names = _join_names([_printable_name(item) for item in items])
        return f"{names}: no notebook (.ipynb). {ACCEPTED_FORMATS}"
    (item,) = items
    if item.problem:
        return item.problem
    if item.kind == "archive":
        seen = f"; in it: {_join_names(item.seen)}" if item.seen else "; it is empty"
        inner = any(_kind(name) == "archive" for name in item.seen)
        more = " Archives within an archive of a student are not opened." if inner else ""
        return f"an archive without a notebook (.ipynb){seen}.{more} {ACCEPTED_FORMATS}"
    if item.kind == "folder":
        return f"a folder with nothing in it: no notebook (.ipynb). {ACCEPTED_FORMATS}"
    what = "no notebook (.ipynb)"
    if item.parts[-1].lower().endswith(UNREADABLE_ARCHIVES):
        what += ", but something packed in a way that is not read"
    return f"{_printable_name(item)}: {what}. {ACCEPTED_FORMATS}"


def _printable_name(item: _Item) -> str:
    return _printable(item.parts[-1], MAX_NAME_LENGTH)


def _join_names(names: list[str]) -> str:
    shown = ", ".join(_printable(name, 60) for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _with_namesakes(rows: list[_Row]) -> list[Submitted]:
    """Add a note where one name has several sources: one student may submit for another."""
    sources: dict[str, dict[tuple[object, ...], str]] = defaultdict(dict)
    for row in rows:
        name = normalized_name(row.submitted.student)
        sources[name].setdefault((row.source, row.owner.number), row.submitted.path)
    found = []
    for row in rows:
        one = row.submitted
        here = (row.source, row.owner.number)
        others = [
            path for source, path in sources[normalized_name(one.student)].items() if source != here
        ]
        if others:
            said = (
                f"Something else was handed in as {one.student} ({_join_names(others)}): find out "
                "whether both are from this student."
            )
            one = replace(one, note=f"{said} {one.note}".strip())
        found.append(one)
    return found


def normalized_name(name: str) -> str:
    """Return a normal form that is equal for names that look the same to a person.

    Parameters
    ----------
    name : str
    """
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _with_unique_paths(found: list[Submitted]) -> list[Submitted]:
    """Sort by path, and number duplicate paths."""
    found = sorted(found, key=lambda one: (one.path, one.identity))
    paths, identities = {one.path for one in found}, Counter()
    taken: set[str] = set()
    last: Counter[str] = Counter()
    for index, one in enumerate(found):
        path, identity = one.path, one.identity
        identities[identity] += 1
        if identities[identity] > 1:
            identity += b"\0%d" % identities[identity]
        if path in taken:
            number = max(last[path], 1) + 1
            while f"{path} ({number})" in paths:
                number += 1
            last[path], path = number, f"{path} ({number})"
            paths.add(path)
        taken.add(path)
        found[index] = replace(one, path=path, identity=identity)
    return found


# -------------------------------------------------------------------------------------- text


def _printable(text: str, most: int) -> str:
    """Replace control characters and characters that affect the text around them; then shorten."""
    # The two joiners (category Cf) occur in Persian and Indian names.
    return _cut(
        "".join(
            "\N{REPLACEMENT CHARACTER}"
            if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            and one not in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
            else one
            for one in text[: 2 * most] + text[2 * most :][-most:]
        ),
        most,
    )


def _cut(text: str, most: int) -> str:
    """Shorten in the middle, since the end of a name tells most."""
    end = most // 4
    return text if len(text) <= most else f"{text[: most - end - 3]}...{text[-end:]}"


def _path_bytes(name: str) -> bytes:
    # Not os.fsencode: names in archives may contain any character.
    return name.encode("utf-8", "surrogatepass")


def _error_text(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return _printable(text or type(error).__name__, MAX_NAME_LENGTH)
