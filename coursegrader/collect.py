"""Find the submitted notebooks, however they were handed in."""

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
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from coursegrader.notebook import LARGEST_NOTEBOOK, too_large

MOST_FILES = 20_000  # in one archive, or below one entry of a folder
MOST_NOTEBOOKS = 20  # from one student's archive; of archives too, from one student
MOST_OF_STUDENT = 200_000_000  # bytes that are unpacked for one student
MOST_OF_CLASS = 2_000_000_000
DEEPEST = 32  # folders in each other
LONGEST_NAME, LONGEST_PATH = 200, 400

# What learning platforms put around a name. Moodle: "Jane Doe_12345_assignsubmission_file_";
# Canvas: "doejane_LATE_12345_67890_breast-cancer".
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<id>\d+)_assignsubmission_.+$", re.DOTALL)
CANVAS = re.compile(r"^(?P<name>[^_]+)(_LATE)?_(?P<id>\d{3,})_\d{3,}_.+$", re.DOTALL)

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
OTHER_ARCHIVES = (".rar", ".7z", ".gz", ".bz2", ".xz", ".zipx", ".lzh", ".cab", ".dmg", ".iso")
# What people hand in where a notebook was asked for.
MISTAKEN = (
    *(".ipynb.txt", ".ipynb.json", ".ipynb.html", ".url", ".webloc", ".gdoc", ".lnk"),
    *(".py", ".html", ".htm", ".mhtml", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".pages"),
    *(".ppt", ".pptx", ".tex", ".r", ".rmd", ".qmd", ".m", ".mlx", ".java", ".jl"),
    *OTHER_ARCHIVES,
)
NOT_HANDED_IN = {"__macosx", "__pycache__", "thumbs.db", "desktop.ini"}
WHAT_IS_READ = "Notebooks (.ipynb) are read, also from a .zip or .tar archive."

# A directory of a zip that is larger has more files than MOST_FILES, or monstrous names.
_LARGEST_DIRECTORY = MOST_FILES * 256
_PIECE = 1 << 16


@dataclass(frozen=True)
class Submitted:
    """One notebook that was handed in, or why there is none of a student.

    It does not hold the notebook, but knows where to read it.

    Attributes
    ----------
    student : str
        As the file or its folder is called.
    path : str
        Where it was found, from the folder of submissions. Text that can be printed; what could
        not be, of the real name, is replaced.
    problem : str
        Why it was not read, if so.
    note : str
        What the grader should know of it, if anything.
    digest : str
        SHA-256 of its content, in hexadecimal digits; empty where there is a problem.
    place : Path, optional
        The file on this machine, which may be an archive.
    members : tuple of int
        Which member of that archive it is; two numbers for an archive in an archive.
    identity : bytes
        Its real path, before anything was replaced.
    held : bytes, optional
        Its content, if it was loaded.
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

    @property
    def content(self) -> bytes:
        """The notebook, read anew each time; empty where there is a problem.

        Raises
        ------
        OSError
            If the file vanished or cannot be read.
        ValueError
            If it is not what was found any more.
        """
        if self.held is not None or self.problem or self.place is None:
            return self.held or b""
        again = "Leave the submissions as they are while they are graded, and run it again."
        try:
            with _opened(self.place) as file:
                content = _content(file, self.place.name, self.members, MOST_OF_CLASS)
        except OSError as error:
            message = f"{self.path} was found, but cannot be read now: {_said(error)}. {again}"
            raise OSError(error.errno or errno.EIO, message) from error
        except Exception as error:  # an archive may have been changed into anything
            message = f"{self.path} was found, but cannot be read now: {_said(error)}. {again}"
            raise ValueError(message) from error
        if hashlib.sha256(content).hexdigest() != self.digest:
            raise ValueError(f"{self.path} was changed after it was found. {again}")
        return content

    def loaded(self) -> Submitted:
        """Return a copy that carries its content, to be sent to another machine.

        Raises
        ------
        OSError, ValueError
            As :attr:`content` does.
        """
        return replace(self, held=self.content, place=None, members=())

    @property
    def key(self) -> str:
        """A name for files of its own: plain letters, and different for different paths."""
        plain = unicodedata.normalize("NFKD", f"{self.student}-{self.stem}")
        plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "notebook"
        identity = self.identity or _bytes(self.path)
        return f"{plain}-{hashlib.sha256(identity).hexdigest()[:16]}"

    @property
    def stem(self) -> str:
        """Name of the file without its ending."""
        return PurePosixPath(self.path).stem


def collect(folder: Path | str) -> list[Submitted]:
    """Find all notebooks below a folder, or in an archive, and everyone who handed in none.

    Taken are ``NAME.ipynb``, ``NAME/*.ipynb``, archives ``NAME.zip``, archives of whole classes
    as Moodle and Canvas make them, and nbgrader's ``submitted/NAME/ASSIGNMENT/*.ipynb``. An
    archive is a ``.zip`` or a ``.tar``, the latter also packed (``.tar.gz``, ``.tgz``,
    ``.tar.bz2``, ``.tar.xz``). A single notebook is taken as it is.

    Who handed in is who the outermost file or folder names, whatever names are within it. An
    archive that is given itself is a class's. At the top of a folder it is one student's, unless
    the names in it are a learning platform's and its own name is not; anywhere else it is always
    one student's. Archives within a class's archive are opened, those within a student's are not.

    Everyone who handed in anything is found. Who has no notebook gets one row, whose problem says
    what there was; what lies beside a notebook gets none. A folder is somebody's even if it is
    empty. A loose file at the top is somebody's if it is a notebook or an archive, if a learning
    platform named it, or if it has an ending of what people hand in by mistake (:data:`MISTAKEN`,
    such as ``.py``, ``.pdf`` and ``.rar``). Others, such as a platform's list of grades, are
    nobody's, nor are hidden files and read-me files.

    Symbolic links are not followed, and nothing of an archive is written. How much is unpacked
    is bounded. Whatever is wrong with one file becomes the problem of its row.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or archive.
    """
    folder = Path(folder)
    if not os.path.exists(folder):
        raise FileNotFoundError(f"there is no folder or archive {folder}.")
    place = Path(os.path.abspath(folder))
    rows = list(_folder(place) if os.path.isdir(place) else _file(place))
    return _told_apart(_with_namesakes(rows))


# -------------------------------------------------------------------------------- whose it is


class _Owner(NamedTuple):
    """Who handed in: a name, and the number that a platform gave to tell namesakes apart."""

    name: str
    number: str = ""


def student(path: str) -> str:
    """Say whose a path is: the first folder's, or the file's if it is in none."""
    parts = _parts(path)
    return _printable(_owner(parts, folder=len(parts) > 1).name, LONGEST_NAME).strip() or "nobody"


def _owner(parts: tuple[str, ...], folder: bool) -> _Owner:
    first = parts[0] if parts else "nobody"
    match = _match(first if folder else _without_ending(first))
    if match:
        return _Owner(match["name"], match["id"])
    return _Owner(_without_ending(first, only_known=folder))


def _match(name: str) -> re.Match | None:
    return MOODLE.match(name.rstrip("_")) or CANVAS.match(name)


def _by_platform(parts: tuple[str, ...]) -> bool:
    return bool(parts and _match(parts[0]))


def _without_ending(name: str, only_known: bool = False) -> str:
    """Take the ending off, or off a folder only one that no folder should have."""
    for ending in sorted((".ipynb", *ARCHIVES), key=len, reverse=True):
        if name.lower().endswith(ending) and len(name) > len(ending):
            name = name[: -len(ending)]
            break
    else:
        name = name if only_known else PurePosixPath(name).stem
    return name[: -len(".ipynb")] if name.lower().endswith(".ipynb") else name


def _parts(name: str) -> tuple[str, ...]:
    """Split a path; what would lead elsewhere is left out."""
    return tuple(part for part in name.split("/") if part not in ("", ".", ".."))


def _ignored(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part.lower() in NOT_HANDED_IN for part in parts)


def _kind(name: str) -> str:
    if name.lower().endswith(".ipynb"):
        return "notebook"
    return "archive" if name.lower().endswith(ARCHIVES) else "other"


def _handed_in(item: _Item) -> bool:
    """Whether it is somebody's, even if it is no notebook."""
    if len(item.parts) > 1 or item.kind != "other" or _by_platform(item.parts):
        return True
    name = item.parts[0].lower()
    return name.endswith(MISTAKEN) and not name.startswith(("readme", "read me", "license"))


# ----------------------------------------------------------------------------- what there is


@dataclass
class _Item:
    """A file or folder, before its row is made.

    An archive has what was found ``inside``; both it and a folder have a ``problem`` if they
    might hold notebooks that were not found.
    """

    parts: tuple[str, ...]
    kind: str  # "notebook", "archive", "folder" or "other"
    place: Path | None = None
    members: tuple[int, ...] = ()
    size: int = 0
    problem: str = ""
    digest: str = ""
    inside: list[_Item] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # in an archive, beside notebooks

    @property
    def owner(self) -> _Owner:
        return _owner(self.parts, folder=self.kind == "folder" or len(self.parts) > 1)


class _RefusedError(ValueError):
    """What is refused, in words for the grader."""


@dataclass
class _Allowance:
    """How much may be unpacked for one student, and with it for a class."""

    left: int
    of_class: _Allowance | None = None
    archives: int = MOST_NOTEBOOKS

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _RefusedError(_too_much(MOST_OF_STUDENT if self.of_class else MOST_OF_CLASS))
        if self.of_class:
            self.of_class.spend(size)


def _allowances() -> defaultdict[_Owner, _Allowance]:
    of_class = _Allowance(MOST_OF_CLASS)
    return defaultdict(lambda: _Allowance(MOST_OF_STUDENT, of_class))


def _folder(top: Path) -> Iterator[_Row]:
    if os.path.isdir(top / "submitted"):
        top = top / "submitted"
    try:
        items = list(_walk(top))
    except OSError as error:
        problem = f"it cannot be read: {_said(error)}"
        yield _row(_Owner(top.name), _Item((top.name,), "folder"), problem)
        return
    own, allowances = [], _allowances()
    for item in items:
        if item.kind == "archive" and not item.problem:
            if len(item.parts) == 1 and not _match(_without_ending(item.parts[0])):
                members, problem = _listed_from(item.place, MOST_OF_STUDENT)
                if _of_class(members):
                    if problem:  # it may be what is too much for a student
                        members, problem = _listed_from(item.place, MOST_OF_CLASS)
                    yield from _class(item.place, members, problem, item.parts)
                    continue
            _examine(item, lambda item=item: _opened(item.place), allowances[item.owner])
        elif item.kind == "notebook" and not item.problem:
            _examine(item, lambda item=item: _opened(item.place))
        own.append(item)
    yield from _rows(own)


def _file(place: Path) -> Iterator[_Row]:
    """Take what was named itself: a notebook, or the archive of a class."""
    item = _Item((place.name,), _kind(place.name), place)
    if not os.path.isfile(place):  # a pipe would be waited for
        item.problem = "not an ordinary file"
    # A class's archive may have been saved under any name.
    elif item.kind == "archive" or (item.kind == "other" and zipfile.is_zipfile(place)):
        yield from _class(place, *_listed_from(place, MOST_OF_CLASS), ())
        return
    elif item.kind == "notebook":
        _examine(item, lambda: _opened(place))
    problem = item.problem if item.kind == "notebook" else _describe(item)
    yield _row(item.owner, item, problem)


def _class(
    place: Path, members: list[_Item], problem: str, prefix: tuple[str, ...]
) -> Iterator[_Row]:
    """Take the archive of a class; names in it are labels, never places to write to."""
    if not prefix and any(item.parts[0] == "submitted" for item in members):
        within = [item for item in members if item.parts[0] == "submitted"]
        members = [replace(item, parts=item.parts[1:]) for item in within if len(item.parts) > 1]
    items = [item for item in members if _handed_in(item)]
    allowances = _allowances()
    wanted = {
        item.members[0]: (item, allowances[item.owner])
        for item in items
        if item.kind in ("notebook", "archive") and not item.problem
    }
    _examine_members(lambda: _opened(place), place.name, wanted, MOST_OF_CLASS)
    for item in items:
        for one in (item, *item.inside):
            one.place = place
    yield from _rows(items, prefix)
    if problem or not items:
        archive = _Item(prefix or (place.name,), "archive")
        archive.problem, archive.seen = problem, [item.parts[-1] for item in members]
        yield _row(archive.owner, archive, _describe(archive))


def _walk(top: Path) -> Iterator[_Item]:
    """Go through a folder, the uppermost files of each student first."""
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
                item.problem = f"it cannot be read: {_said(error)}"
                continue
            count += len(below)
            if count > MOST_FILES:
                item.problem = f"there are too many files: more than {MOST_FILES}"
            elif below and len(parts) >= DEEPEST:
                item.problem = f"there are folders in folders, more than {DEEPEST} deep"
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
            # It may lead to a folder that is somebody's.
            item.kind = "folder" if entry.is_dir() else item.kind
        elif entry.is_dir(follow_symlinks=False):
            item.kind = "folder"
        elif not entry.is_file(follow_symlinks=False):
            item.problem = "not an ordinary file"
        else:
            item.size = entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        item.problem = f"it cannot be read: {_said(error)}"
    return item


def _of_class(members: list[_Item]) -> bool:
    """Whether an archive among others is a class's: its folders or files are named so."""
    telling = [item for item in members if item.kind in ("notebook", "archive")] or members
    return any(_by_platform(item.parts) for item in telling)


# --------------------------------------------------------------------------- reading, bounded


def _opened(place: Path) -> BinaryIO:
    """Open an ordinary file, and nothing that took its place."""
    # A pipe would be waited for without O_NONBLOCK. The folders above are trusted.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    number = os.open(place, flags)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise _RefusedError("not an ordinary file")
    return os.fdopen(number, "rb")


def _pieces(stream: BinaryIO, most: int) -> Iterator[bytes]:
    """Read piece by piece, one byte more than there may be at most."""
    left = most + 1
    while left and (piece := stream.read(min(_PIECE, left))):
        left -= len(piece)
        yield piece


def _digest(stream: BinaryIO, allowance: _Allowance | None) -> str:
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(stream, LARGEST_NOTEBOOK):
        size += len(piece)
        digest.update(piece)
        if allowance:
            allowance.spend(len(piece))
    if size > LARGEST_NOTEBOOK:
        raise _RefusedError(too_large(size, LARGEST_NOTEBOOK))
    return digest.hexdigest()


def _content(file: BinaryIO, name: str, members: tuple[int, ...], most: int) -> bytes:
    """Read a notebook: the file itself, or a member of the archive that it is."""
    if not members:
        content = b"".join(_pieces(file, LARGEST_NOTEBOOK))
        if len(content) > LARGEST_NOTEBOOK:
            raise _RefusedError(too_large(len(content), LARGEST_NOTEBOOK))
        return content
    with closing(_members(file, name, most)) as every:
        for item, opened in every:
            if item.members[0] == members[0]:
                with opened() as stream:
                    if len(members) == 1:
                        return _content(stream, "", (), 0)
                    inner = io.BytesIO(b"".join(_pieces(stream, MOST_OF_STUDENT)))
                return _content(inner, item.parts[-1], members[1:], MOST_OF_STUDENT)
    raise _RefusedError("the archive has fewer files now")


def _examine(
    item: _Item, opened: Callable[[], BinaryIO], allowance: _Allowance | None = None
) -> None:
    """Read a notebook or a student's archive once; what goes wrong is its problem."""
    what = "bad archive" if item.kind == "archive" else "it cannot be read"
    try:
        if item.kind == "notebook":
            if item.size > LARGEST_NOTEBOOK:
                raise _RefusedError(too_large(item.size, LARGEST_NOTEBOOK))
            with opened() as stream:
                item.digest = _digest(stream, allowance)
            return
        allowance.archives -= 1
        if allowance.archives < 0:
            raise _RefusedError(f"there are more than {MOST_NOTEBOOKS} archives of this student")
        if item.members and item.size > MOST_OF_STUDENT:
            raise _RefusedError(_too_much(MOST_OF_STUDENT))
        with opened() as stream:
            _look_inside(item, stream, allowance)
    except _RefusedError as error:
        item.problem = str(error)
    except Exception as error:  # whatever a file made for the purpose can cause
        item.problem = f"{what}: {_said(error)}"


def _look_inside(item: _Item, stream: BinaryIO, allowance: _Allowance) -> None:
    """Find the notebooks of a student's archive."""
    if item.members:  # of another archive, in which one cannot go back and forth
        whole = io.BytesIO()
        for piece in _pieces(stream, MOST_OF_STUDENT):
            allowance.spend(len(piece))
            whole.write(piece)
        stream = whole
    name = item.parts[-1]
    members, item.problem = _listed(stream, name, MOST_OF_STUDENT)
    notebooks = [member for member in members if member.kind == "notebook"]
    item.seen = [one.parts[-1] for one in members if one.kind not in ("notebook", "folder")]
    for member in notebooks:
        member.place = item.place
    kept = notebooks[:MOST_NOTEBOOKS]
    wanted = {member.members[0]: (member, allowance) for member in kept if not member.problem}
    _examine_members(lambda: stream, name, wanted, MOST_OF_STUDENT)
    for member in kept:
        member.parts, member.members = item.parts + member.parts, item.members + member.members
    item.inside = kept
    if len(notebooks) > len(kept):
        problem = (
            f"there are {len(notebooks)} notebooks in it; the first {MOST_NOTEBOOKS} are graded. "
            "Unpack it and grade the folder if all should be."
        )
        item.inside.append(replace(item, kind="notebook", inside=[], problem=problem))


def _examine_members(
    opened: Callable[[], BinaryIO],
    name: str,
    wanted: dict[int, tuple[_Item, _Allowance]],
    most: int,
) -> None:
    """Read those members of an archive that are wanted, in the order in which they lie there."""
    try:
        if wanted:
            with opened() as file, closing(_members(file, name, most)) as every:
                for member, reader in every:
                    if member.members[0] in wanted:
                        item, allowance = wanted.pop(member.members[0])
                        _examine(item, reader, allowance)
                    if not wanted:
                        break
    except Exception as error:  # as above: one archive must not stop the others
        for item, _ in wanted.values():
            item.problem = f"it cannot be unpacked: {_said(error)}"


def _listed(file: BinaryIO, name: str, most: int) -> tuple[list[_Item], str]:
    """List what is in an archive, and say what is wrong with it."""
    found: list[_Item] = []
    problem = ""
    try:
        with closing(_members(file, name, most)) as every:
            found.extend(item for item, _ in every)
    except _RefusedError as error:
        problem = str(error)
    except Exception as error:  # as above
        problem = f"bad archive: {_said(error)}"
    return _shown(found), problem


def _listed_from(place: Path, most: int) -> tuple[list[_Item], str]:
    try:
        with _opened(place) as file:
            return _listed(file, place.name, most)
    except (OSError, _RefusedError) as error:
        return [], f"it cannot be read: {_said(error)}"


def _shown(items: list[_Item]) -> list[_Item]:
    """Leave out what nobody handed in, but keep the folder of who has nothing else."""
    hidden = [_Item(item.parts[:1], "folder") for item in items if _ignored(item.parts[1:])]
    shown = [item for item in items if not _ignored(item.parts[1:])] + hidden
    return [item for item in shown if item.parts and not _ignored(item.parts[:1])]


# ---------------------------------------------------------------------------------- archives

# None of these unpacks more at once than it is asked for.
_UNPACK: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
_Members = Iterator[tuple[_Item, Callable[[], BinaryIO]]]


def _members(file: BinaryIO, name: str, most: int) -> _Members:
    """Yield what is in an archive, each with a function that opens it until the next is asked."""
    file.seek(0)
    if name.lower().endswith(".zip") or not name.lower().endswith(ARCHIVES):
        yield from _members_of_zip(file)
        return
    start = file.read(6)
    file.seek(0)
    # By what it is rather than by its name: browsers unpack .tar.gz and leave the name.
    unpack = next((made for magic, made in _UNPACK.items() if start.startswith(magic)), None)
    file = unpack(file) if unpack else file
    yield from _members_of_tar(file, most)


class _Careful:
    """A file of which no more is read at once than ``most``, or than a directory may have."""

    def __init__(self, file: BinaryIO):
        self.file, self.most = file, None
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if self.most:
            return self.file.read(min(size, self.most) if size >= 0 else self.most)
        bounded = 0 <= size <= _LARGEST_DIRECTORY
        content = self.file.read(size if bounded else _LARGEST_DIRECTORY + 1)
        if len(content) > _LARGEST_DIRECTORY:
            raise _too_many()
        return content


def _members_of_zip(file: BinaryIO) -> _Members:
    # The directory is read at once, by a size that the archive gives.
    careful = _Careful(file)
    with zipfile.ZipFile(careful) as archive:

        def opened(member: zipfile.ZipInfo) -> BinaryIO:
            careful.most = None
            stream = archive.open(member)
            # These two are unpacked without a bound on what comes of one piece, and 4 kB may
            # become 4 GB: so the pieces are small.
            if member.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
                careful.most = 32
            return stream

        members = archive.infolist()
        if len(members) > MOST_FILES:
            raise _too_many()
        for number, member in enumerate(members):
            # Some programs on Windows write their own separators.
            item = _member(member.filename.replace("\\", "/"), number, member.file_size)
            if member.is_dir() or member.filename.endswith("\\"):
                item.kind = "folder"
            elif stat.S_ISLNK(member.external_attr >> 16):
                item.problem = "a symbolic link, which is not followed"
            yield item, lambda member=member: opened(member)


class _Limited:
    """A file of which no more is read than ``most``, and not beyond ``until``."""

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
        """Allow to skip a file of some size, and to read what is said of the next one."""
        self.until = self.count + size + (1 << 20)


def _members_of_tar(file: BinaryIO, most: int) -> _Members:
    limited = _Limited(file, most)
    limited.until_next(0)
    with tarfile.open(fileobj=limited, mode="r|", bufsize=_PIECE) as archive:
        for number in range(MOST_FILES + 1):
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
        f"there are too many files in it: more than {MOST_FILES}. Pack only the notebooks, and "
        "hand it in again."
    )


# -------------------------------------------------------------------------------------- rows


@dataclass
class _Row:
    """A row, with who it is by the names that were found."""

    submitted: Submitted
    owner: _Owner
    source: tuple[str, ...]  # the class's archive within the folder that it is from


def _rows(items: list[_Item], prefix: tuple[str, ...] = ()) -> Iterator[_Row]:
    """Make the rows of every student: of the notebooks, or else one that says what there was."""
    students: dict[_Owner, list[_Item]] = {}
    for item in items:
        if _handed_in(item):
            students.setdefault(item.owner, []).append(item)
    for owner, own in students.items():
        notebooks = [one for item in own for one in (item, *item.inside) if one.kind == "notebook"]
        rest = [item for item in own if item.kind != "notebook"]
        unread = [item for item in rest if item.kind != "other" and item.problem]
        note = " ".join(
            f"Beside it, {_name(item)} was not read: {item.problem.rstrip('.')}." for item in unread
        )
        for item in notebooks:
            yield _row(owner, item, item.problem, prefix, note)
        if notebooks:
            continue
        # Folders are said only where there is nothing else.
        telling = unread or [item for item in rest if item.kind != "folder"] or rest[:1]
        place = telling[0]
        if len(place.parts) > 1 and (len(telling) > 1 or place.kind == "folder"):
            place = _Item(place.parts[:1], "folder")
        yield _row(owner, place, _describe(*telling), prefix)


def _row(
    owner: _Owner, item: _Item, problem: str, prefix: tuple[str, ...] = (), note: str = ""
) -> _Row:
    parts = prefix + item.parts
    path = "/".join(_printable(part, LONGEST_NAME) for part in parts)
    submitted = Submitted(
        student=_printable(owner.name, LONGEST_NAME).strip() or "nobody",
        path=_cut(path, LONGEST_PATH),
        problem=problem,
        note=note,
        digest="" if problem else item.digest,
        place=None if problem else item.place,
        members=() if problem else item.members,
        identity=_bytes("/".join(parts)),
    )
    return _Row(submitted, owner, prefix)


def _describe(*items: _Item) -> str:
    """Say what there was instead of a notebook."""
    if len(items) > 1 and any(item.problem for item in items):
        some = [f"{_name(item)}: {_describe(item)}" for item in items[:3]]
        return " ".join([*some, *([f"And {len(items) - 3} more."] if len(items) > 3 else [])])
    if len(items) > 1:
        return f"{_listing([_name(item) for item in items])}: no notebook (.ipynb). {WHAT_IS_READ}"
    (item,) = items
    if item.problem:
        return item.problem
    if item.kind == "archive":
        seen = f"; in it: {_listing(item.seen)}" if item.seen else "; it is empty"
        inner = any(_kind(name) == "archive" for name in item.seen)
        more = " Archives within an archive of a student are not opened." if inner else ""
        return f"an archive without a notebook (.ipynb){seen}.{more} {WHAT_IS_READ}"
    if item.kind == "folder":
        return f"a folder with nothing in it: no notebook (.ipynb). {WHAT_IS_READ}"
    what = "no notebook (.ipynb)"
    if item.parts[-1].lower().endswith(OTHER_ARCHIVES):
        what += ", but something packed in a way that is not read"
    return f"{_name(item)}: {what}. {WHAT_IS_READ}"


def _name(item: _Item) -> str:
    return _printable(item.parts[-1], LONGEST_NAME)


def _listing(names: list[str]) -> str:
    shown = ", ".join(_printable(name, 60) for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _with_namesakes(rows: list[_Row]) -> list[Submitted]:
    """Note where one name comes from different places: one may hand in for another."""
    places: dict[str, dict[tuple[object, ...], str]] = defaultdict(dict)
    for row in rows:
        name = _same(row.submitted.student)
        places[name].setdefault((row.source, row.owner.number), row.submitted.path)
    found = []
    for row in rows:
        one = row.submitted
        here = (row.source, row.owner.number)
        others = [path for place, path in places[_same(one.student)].items() if place != here]
        if others:
            said = (
                f"Something else was handed in as {one.student} ({_listing(others)}): find out "
                "whether both are from this student."
            )
            one = replace(one, note=f"{said} {one.note}".strip())
        found.append(one)
    return found


def _same(name: str) -> str:
    """Return what is equal for names that a person would take for the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _told_apart(found: list[Submitted]) -> list[Submitted]:
    """Sort by path, and number what would have the same one."""
    found = sorted(found, key=lambda one: (one.path, one.identity))
    paths, identities = {one.path for one in found}, Counter()
    taken: set[str] = set()
    last: Counter[str] = Counter()
    for place, one in enumerate(found):
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
        found[place] = replace(one, path=path, identity=identity)
    return found


# -------------------------------------------------------------------------------------- text


def _printable(text: str, most: int) -> str:
    """Replace what cannot be written, or would change how what is around it looks."""
    # The two joiners of format (Cf) belong to Persian and Indian names.
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
    """Shorten in the middle: the ending says most of a name."""
    end = most // 4
    return text if len(text) <= most else f"{text[: most - end - 3]}...{text[-end:]}"


def _bytes(name: str) -> bytes:
    # Not os.fsencode: names in archives may hold any character.
    return name.encode("utf-8", "surrogatepass")


def _said(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return _printable(text or type(error).__name__, LONGEST_NAME)
