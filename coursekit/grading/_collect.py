"""Find the submitted notebooks, however they were handed in."""

from __future__ import annotations

import hashlib
import lzma
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from coursekit.grading._notebook import LARGEST_NOTEBOOK

MOST_FILES = 20_000
# What learning platforms put around a name. Moodle: "Jane Doe_12345_assignsubmission_file_";
# Canvas: "doejane_LATE_12345_67890_breast-cancer".
MOODLE = re.compile(r"^(?P<name>.+?)_\d+_assignsubmission_.+$")
CANVAS = re.compile(r"^(?P<name>[^_]+)(_LATE)?_\d{3,}_\d{3,}_.+$")


# RuntimeError: encrypted; NotImplementedError: packed in a way that Python does not know.
_BAD_ARCHIVE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


@dataclass(frozen=True)
class Submitted:
    """One notebook that was handed in.

    Attributes
    ----------
    student : str
        As the file or its folder is called.
    path : str
        Where it was found, from the folder of submissions.
    content : bytes
    problem : str
        Why it was not read, if so.
    """

    student: str
    path: str
    content: bytes
    problem: str = ""

    @property
    def key(self) -> str:
        """A name for files of its own: plain letters, and different for different paths."""
        plain = unicodedata.normalize("NFKD", f"{self.student}-{PurePosixPath(self.path).stem}")
        plain = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "notebook"
        return f"{plain}-{hashlib.sha256(self.path.encode('utf-8', 'replace')).hexdigest()[:8]}"

    @property
    def stem(self) -> str:
        """Name of the file without its ending."""
        return PurePosixPath(self.path).stem


def collect(folder: Path | str) -> list[Submitted]:
    """Read all notebooks below a folder, or in an archive.

    Taken are ``NAME.ipynb``, ``NAME/*.ipynb``, ``NAME.zip``, archives of whole classes as
    Moodle and Canvas make them, and nbgrader's ``submitted/NAME/ASSIGNMENT/*.ipynb``. An
    archive that is given itself is a class's; in a folder it is one student's, unless the names
    in it are a learning platform's.
    Symbolic links are not followed, and nothing of an archive is written.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or archive.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder or archive {folder}.")
    found = list(_archive(folder, "") if folder.is_file() else _folder(folder))
    found.sort(key=lambda submitted: submitted.path)
    for place, one in enumerate(found):
        # An archive may hold two files of one name.
        before = sum(other.path == one.path for other in found[:place])
        if before:
            found[place] = replace(one, path=f"{one.path} ({before + 1})")
    return found


def _folder(folder: Path) -> Iterator[Submitted]:
    if (folder / "submitted").is_dir():
        folder = folder / "submitted"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        linked = path.is_symlink() and path.is_dir()
        if _ignored(name) or (path.suffix.lower() not in (".ipynb", ".zip") and not linked):
            continue
        if path.is_symlink() or any(
            parent.is_symlink()
            for parent in path.parents
            if parent != folder and parent.is_relative_to(folder)
        ):
            yield Submitted(student(name), name, b"", "a symbolic link, which is not followed")
        elif path.is_dir():
            continue
        elif path.suffix.lower() == ".zip":
            yield from _archive(path, name)
        else:
            yield _read(path, name)


def _read(path: Path, name: str) -> Submitted:
    try:
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            return Submitted(student(name), name, b"", "not an ordinary file")
        if state.st_size > LARGEST_NOTEBOOK:
            return Submitted(student(name), name, b"", _too_large(state.st_size))
        return Submitted(student(name), name, path.read_bytes())
    except OSError as error:
        return Submitted(student(name), name, b"", f"it cannot be read: {error.strerror}")


def _archive(path: Path, name: str) -> Iterator[Submitted]:
    """Read the notebooks of an archive; its names are labels, never places to write to."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                yield Submitted(student(name), name or path.name, b"", "too many files in it")
                return
            members = [
                member
                for member in members
                if member.filename.lower().endswith(".ipynb")
                and not member.is_dir()
                and not _ignored(member.filename)
            ]
            if not members:
                problem = "an archive without a notebook (.ipynb)"
                yield Submitted(student(name or path.name), name or path.name, b"", problem)
                return
            of_class = not name or _of_class([member.filename for member in members])
            for member in members:
                inside = f"{name}/{member.filename}" if name else member.filename
                who = student(member.filename) if of_class else student(name)
                if member.file_size > LARGEST_NOTEBOOK:
                    yield Submitted(who, inside, b"", _too_large(member.file_size))
                    continue
                try:
                    with archive.open(member) as file:
                        # What the archive says of its sizes may be a lie.
                        content = file.read(LARGEST_NOTEBOOK + 1)
                except _BAD_ARCHIVE as error:
                    yield Submitted(who, inside, b"", f"it cannot be unpacked: {error}")
                    continue
                problem = _too_large(len(content)) if len(content) > LARGEST_NOTEBOOK else ""
                yield Submitted(who, inside, b"" if problem else content, problem)
    except _BAD_ARCHIVE as error:
        yield Submitted(student(name or path.name), name or path.name, b"", f"bad archive: {error}")


def _of_class(names: list[str]) -> bool:
    """Whether an archive among others is a class's: its folders or files are named so."""
    first = [PurePosixPath(name).parts[0] for name in names]
    return any(MOODLE.match(part.rstrip("_")) or CANVAS.match(part) for part in first)


def student(path: str) -> str:
    """Say whose a path is: the first folder's, or the file's if it is in none."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("..", ".", "/")]
    first = parts[0] if parts else "nobody"
    if len(parts) == 1:
        first = PurePosixPath(first).stem
    for pattern in (MOODLE, CANVAS):
        if match := pattern.match(first.rstrip("_") if pattern is MOODLE else first):
            return match["name"]
    return first


def _ignored(name: str) -> bool:
    return any(
        (part.startswith(".") and part not in (".", "..")) or part == "__MACOSX"
        for part in PurePosixPath(name).parts
    )


def _too_large(size: int) -> str:
    return (
        f"the file has {size / 1e6:.0f} MB; at most {LARGEST_NOTEBOOK / 1e6:.0f} MB are read. "
        "Clear the outputs and hand it in again."
    )
