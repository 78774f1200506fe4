"""Make exercises for learners from notebooks with solutions.

The result is what nbgrader would release, with two differences. Where a comment suffices as a
stub, it raises no error, so that a learner can run all cells up to the check. And a notebook is
refused if nbgrader would ignore a misspelled mark and release the solution.
"""

from __future__ import annotations

import ast
import copy
import difflib
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode

from coursegrader.notebook import FLAGS, BadNotebookError, VariantMark, check_call, marks_of, read
from coursegrader.variants import calls_in, find_calls, seed_of, sign
from coursekit.exercises import find

STUB = "# YOUR CODE HERE"
RAISING_STUB = "# YOUR CODE HERE\nraise NotImplementedError()"  # nbgrader's
TEXT_STUB = "YOUR ANSWER HERE"
# The title of a notebook with solutions, of which the exercise's is made.
SOLUTION_TITLE = re.compile(r"\A# Solution: ")
SOLUTION_NOTE = re.compile(r"^\*\*Solutions\.\*\*.*?(?=\n\n|\Z)", re.M | re.S)

# The regions between marks, and the flag of the cells in which nbgrader allows each.
REGIONS = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}
MARKS = {
    f"{word} {what}": (word, what)  # BEGIN first: in a line with both, nbgrader uses that
    for word in ("BEGIN", "END")
    for what in REGIONS
}
COMMENT = re.compile(r"#+|^\s*(?://+|<!--+|%+|--+|/\*+|;+)")
# The similarity of "BEGINSOLUTON" and "BEGINSOLUTION" is .96, that of "AND SOLUTION" .91.
MIN_SIMILARITY = 0.92
AUTOTEST = "AUTOTEST"
MAX_POINTS = 1e6  # this also excludes infinity

# Metadata that may stay in cells with secrets, and metadata that is removed from other cells.
ALLOWED_METADATA = {
    "nbgrader",
    "tags",
    "editable",
    "deletable",
    "slideshow",
    "format",
    "raw_mimetype",
}
EXECUTION_METADATA = {
    "execution",
    "ExecuteTime",
    "executionInfo",
    "outputId",
    "collapsed",
    "scrolled",
}
NOTEBOOK_METADATA = {"kernelspec", "language_info", "title", "authors"}
# nbgrader's own keys, without those that it adds to exercises.
NBGRADER_KEYS = {*FLAGS, "schema_version", "grade_id", "points"}


def changed(source: Path | str, target: Path | str) -> str | None:
    """Make the exercise of a solution; return None if the target file is up to date.

    Parameters
    ----------
    source : path
        Notebook with solutions.
    target : path
        Path of the exercise, which need not exist.

    Returns
    -------
    str or None
        The text of the notebook, for :func:`write`.

    Raises
    ------
    BadNotebookError
        If no cell of the notebook is marked, or :func:`exercise` refuses it.
    OSError
        If a file cannot be read.
    """
    return changed_text(released(source), target)


def changed_text(made: NotebookNode, target: Path | str) -> str | None:
    """Return the text of an exercise, or None if the target file is up to date.

    Parameters
    ----------
    made : NotebookNode
        From :func:`released` or :func:`of_variant`.
    target : path
        Path of the exercise, which need not exist.

    Returns
    -------
    str or None
        The text of the notebook, for :func:`write`.

    Raises
    ------
    OSError
        If the target cannot be read.
    """
    content, target = nbformat.writes(made) + "\n", Path(target)
    # A file that is not UTF-8 was not written by us, so it differs.
    same = target.exists() and target.read_text(encoding="utf-8", errors="replace") == content
    return None if same else content


def write(content: str, target: Path | str) -> None:
    """Write an exercise atomically; missing folders are created.

    Parameters
    ----------
    content : str
        Text of the notebook.
    target : path
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        part.write_text(content, encoding="utf-8")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def released(source: Path | str) -> NotebookNode:
    """Read a notebook with solutions, and make its exercise.

    Parameters
    ----------
    source : path

    Returns
    -------
    NotebookNode

    Raises
    ------
    BadNotebookError
        If no cell of the notebook is marked, or :func:`exercise` refuses it.
    OSError
        If the file cannot be read.
    """
    source = Path(source)
    content = source.read_bytes()
    notebook, again = read(content), read(content)
    for number, (cell, other) in enumerate(zip(notebook.cells, again.cells, strict=True), 1):
        if cell.get("id") != other.get("id"):
            # The file has no id, so nbformat made up a random one. Each release needs the same.
            cell["id"] = f"cell-{number}"
    made = exercise(notebook, source.stem)
    if not any(marks_of(cell).get(flag) for cell in made.cells for flag in FLAGS):
        raise BadNotebookError(
            f"{source.stem}: no cell has nbgrader's marks, so nobody could tell what of it is a "
            "solution. Mark its cells: in JupyterLab, with nbgrader's Create Assignment. If it is "
            "only to be read, hand it out as it is."
        )
    return made


def of_variant(
    made: NotebookNode, name: str, key: bytes, *, seed: int | None = None, student: str = ""
) -> NotebookNode:
    """Make an exercise of another variant, and sign it.

    Parameters
    ----------
    made : NotebookNode
        The exercise, from :func:`released`. It is not changed.
    name : str
        Name of the notebook in error messages.
    key : bytes
        Key of the signature.
    seed : int, optional
        Seed of the variant; by default, that of the student.
    student : str
        For whom it is; empty if it is for a whole class.

    Returns
    -------
    NotebookNode

    Raises
    ------
    BadNotebookError
        If not exactly one locked cell calls ``variant`` with a number as its seed.
    """
    from nbgrader.utils import compute_checksum

    notebook = copy.deepcopy(made)
    found = list(calls_in(notebook))
    if not found:
        raise BadNotebookError(f"{name}: {_why_without_variants(notebook, name)}")
    if len(found) > 1:
        cells = ", ".join(dict.fromkeys(repr(marks_of(cell)["grade_id"]) for cell, _ in found))
        raise BadNotebookError(
            f"{name}: it calls variant(...) {len(found)} times (cell {cells}), and a notebook has "
            "one variant. Leave one call."
        )
    ((cell, call),) = found
    if call.seed is None:
        raise BadNotebookError(
            f"{name}, cell {marks_of(cell)['grade_id']!r}: the seed in its call of variant has to "
            f'be written as a number. Write variant("{call.name}", 0); 0 is the published variant.'
        )
    if seed is None:
        seed = seed_of(key, call.name, student)
    cell.source = call.write(cell.source, seed)
    if "checksum" in marks_of(cell):
        cell.metadata["nbgrader"]["checksum"] = compute_checksum(cell)
    mark = VariantMark("", seed, student, sign(key, call.name, student, seed))
    notebook.metadata.update(mark.to_metadata())
    return notebook


def _why_without_variants(notebook: NotebookNode, name: str) -> str:
    """Say why an exercise has no variants, and what to do."""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and find_calls(cell.source):
            name_of_cell = marks_of(cell).get("grade_id")
            which = repr(name_of_cell) if name_of_cell else f"number {number}"
            return (
                f"cell {which} calls variant(...), but learners can edit it, or it is graded. "
                "Make it read-only: in JupyterLab, with nbgrader's Create Assignment."
            )
    return (
        f'no cell calls variant("{name}", 0), so it has no variants. Leave the notebook out, or '
        "write the call into a read-only cell."
    )


def exercise(solution: NotebookNode, name: str) -> NotebookNode:
    """Make the exercise of a solution.

    It contains no solution, hidden test, mark scheme or output. Every code cell that compiles in
    the solution compiles in the exercise. The exercise of an exercise is the same exercise.

    Parameters
    ----------
    solution : NotebookNode
        Notebook with nbgrader's marks. It is not changed.
    name : str
        The file's name without ``.ipynb``; it is used in links and error messages.

    Returns
    -------
    NotebookNode

    Raises
    ------
    BadNotebookError
        If nbgrader would refuse its marks, or would release a solution because of a mistake in
        them; if a cell would not compile without its solution; if nbgrader has yet to generate
        tests (see :func:`refuse_autotest`); if it is not in Python; or if the variables or points
        of a check differ from its declaration.
    """
    notebook = copy.deepcopy(solution)
    refuse_other_languages(notebook, name)
    _upgrade_marks(notebook, name)
    refuse_autotest(notebook, name)
    _verify_marks(notebook, name)
    for where, cell in _named_cells(notebook, name):
        _remove_solutions(cell, where)
    _finish_as_nbgrader_does(notebook, name)
    for cell in notebook.cells:
        _strip_metadata(cell)
        tags = [tag for tag in cell.metadata.get("tags", []) if tag != "hide-input"]
        cell.metadata.pop("tags", None)
        if tags:
            cell.metadata["tags"] = tags
        if cell.cell_type == "markdown":
            link = f"[the solutions](../solutions/{name}.ipynb)"
            note = f"**Solutions.** Try first; then compare with {link}."
            cell.source = SOLUTION_NOTE.sub(note, cell.source)
    if notebook.cells and notebook.cells[0].cell_type == "markdown":
        title = notebook.cells[0]
        title.source = SOLUTION_TITLE.sub("# Exercises: ", title.source)
    for key in set(notebook.metadata) - NOTEBOOK_METADATA:
        del notebook.metadata[key]
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise BadNotebookError(f"{name}: it is no valid notebook: {_one_line(error)}") from None
    return notebook


def refuse_autotest(notebook: NotebookNode, name: str = "") -> None:
    """Raise an error if nbgrader has yet to generate tests from ``AUTOTEST`` comments.

    Since version 0.9, nbgrader replaces these comments by tests when it generates the assignment.
    Until then they test nothing, and every submission passes.

    Parameters
    ----------
    notebook : NotebookNode
    name : str
        Name of the notebook in the error message.

    Raises
    ------
    BadNotebookError
        If a code cell has such a comment.
    """
    for where, cell in _named_cells(notebook, name):
        if cell.cell_type != "code":
            continue
        for number, line in enumerate(cell.source.split("\n"), 1):
            if AUTOTEST in line and line.strip().startswith("#"):
                raise BadNotebookError(
                    f"{where}, line {number}: {line.strip()[:80]!r} is no test yet; nbgrader makes "
                    "one of it. Run: nbgrader generate_assignment NAME. Then use what it wrote to "
                    "release/NAME as the master."
                )


# ------------------------------------------------------------------------------ validation


def _named_cells(notebook: NotebookNode, name: str) -> Iterator[tuple[str, NotebookNode]]:
    """Yield each cell with its name in error messages."""
    for number, cell in enumerate(notebook.cells, 1):
        marks = marks_of(cell)
        which = repr(marks["grade_id"]) if marks.get("grade_id") else f"number {number}"
        yield f"{name}, cell {which}" if name else f"cell {which}", cell


def _one_line(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", error)).split())[:300]


def refuse_other_languages(notebook: NotebookNode, name: str) -> None:
    """Raise an error if a notebook is not in Python.

    Parameters
    ----------
    notebook : NotebookNode
    name : str
        Name of the notebook in the error message.

    Raises
    ------
    BadNotebookError
    """
    spec = notebook.metadata.get("kernelspec") or {}
    info = notebook.metadata.get("language_info") or {}
    language = spec.get("language") or info.get("name") or "python"
    if str(language).lower() not in ("python", "ipython"):
        raise BadNotebookError(
            f"{name}: only Python notebooks can be graded and released; this one is for {language}."
        )


def _upgrade_marks(notebook: NotebookNode, name: str) -> None:
    """Convert marks of nbgrader's schemas 0 to 2 to schema 3 in place, with its own converter."""
    from nbgrader.nbgraderformat import SCHEMA_VERSION, MetadataValidator

    for where, cell in _named_cells(notebook, name):
        marks = cell.metadata.get("nbgrader")
        if not isinstance(marks, dict):
            continue
        schema = marks.get("schema_version", 0)
        if type(schema) is not int or not 0 <= schema <= SCHEMA_VERSION:
            raise BadNotebookError(
                f"{where}: its marks are of schema {schema!r}, and this nbgrader knows 0 to "
                f"{SCHEMA_VERSION}. If a newer nbgrader wrote them, install it here: "
                "pip install --upgrade nbgrader"
            )
        if schema == SCHEMA_VERSION:
            continue
        # The converter tells of keys that it removes, which the rest of this module does as well.
        for key in set(marks) - {*NBGRADER_KEYS, "checksum", "cell_type"}:
            del marks[key]
        try:
            MetadataValidator().upgrade_cell_metadata(cell)
        except (TypeError, ValueError) as error:
            raise BadNotebookError(
                f"{where}: its marks of schema {schema} cannot be converted to schema "
                f"{SCHEMA_VERSION}: {_one_line(error)}"
            ) from None


def _verify_marks(notebook: NotebookNode, name: str) -> None:
    """Raise an error if marks are invalid for nbgrader or disagree with a check."""
    seen: set[str] = set()
    for where, cell in _named_cells(notebook, name):
        marks = cell.metadata.get("nbgrader", {})
        if not isinstance(marks, dict):
            raise BadNotebookError(f"{where}: its nbgrader metadata is {marks!r}, no mapping.")
        flagged = any(marks.get(flag) for flag in FLAGS)
        identifier = marks.get("grade_id", "")
        if not isinstance(identifier, str) or (flagged and not identifier):
            raise BadNotebookError(
                f"{where}: a marked cell needs a grade_id; this one has {identifier!r}. Give it a "
                "name in nbgrader's Create Assignment."
            )
        if flagged and identifier in seen:
            raise BadNotebookError(
                f"{where}: two cells have the grade_id {identifier!r}; rename one of them."
            )
        if flagged:
            seen.add(identifier)
        _verify_regions(cell, where)
        points = marks.get("points") or 0
        if not isinstance(points, (int, float)) or not 0 <= points < MAX_POINTS:
            raise BadNotebookError(
                f"{where}: it is worth {points!r} points; a number from 0 on is needed."
            )
        if marks.get("grade"):
            if marks.get("points") is None:
                raise BadNotebookError(f"{where}: a graded cell without points.")
            called = None if marks.get("solution") else check_call(cell.source)
            if called and points != find(called).points:
                raise BadNotebookError(
                    f"{where}: {points} points in the notebook, "
                    f"{find(called).points:g} in the check."
                )


def _verify_regions(cell: NotebookNode, where: str) -> None:
    """Raise an error if regions are not properly delimited, or a mark is misspelled."""
    marks = marks_of(cell)
    opened, begun = "", 0
    for number, line in enumerate(cell.source.split("\n"), 1):
        label = f"{where}, line {number}: {line.strip()[:80]!r}"
        word, what = _region_mark(line)
        if not word:
            prose = cell.cell_type != "code"
            near = _misspelled_mark(line, prose)
            if near and (not prose or any(marks.get(flag) for flag in FLAGS)):
                raise BadNotebookError(
                    f"{label} is not what nbgrader takes for {near}, so what it marks would be "
                    f"handed out. Write: ### {near}"
                )
        elif word == "BEGIN":
            if opened:
                raise BadNotebookError(
                    f"{label}, but the {opened} of line {begun} is not ended. Put END {opened} "
                    "before, on a line of its own."
                )
            if not marks.get(REGIONS[what]):
                raise BadNotebookError(
                    f"{label} in a cell that is not marked as {REGIONS[what]!r}, where nbgrader "
                    "does not take it. Mark the cell so, or take the line out."
                )
            opened, begun = what, number
        elif opened != what:
            raise BadNotebookError(
                f"{label} without a BEGIN {what} before it, so what was to be taken out would be "
                "handed out. Put one where it begins."
            )
        else:
            opened = ""
    if opened:
        raise BadNotebookError(
            f"{where}, line {begun}: BEGIN {opened} without an END {opened} on a later line."
        )


def _region_mark(line: str) -> tuple[str, str]:
    """Return the mark in a line, such as ``("BEGIN", "SOLUTION")``, or two empty strings."""
    return next((parts for mark, parts in MARKS.items() if mark in line), ("", ""))


def _misspelled_mark(line: str, prose: bool) -> str:
    """Return the mark that a line seems to be a misspelling of, or an empty string."""
    texts = []
    for comment in COMMENT.split(line)[1:]:
        words = re.findall("[A-Z]+", comment.upper())
        texts += ["".join(words[:count]) for count in (1, 2, 3)]
    if prose and re.fullmatch(r"[\s\w*:.-]+", line):
        texts.append("".join(re.findall("[A-Z]+", line.upper())))
    for text in texts:
        for mark in MARKS:
            meant = text.replace("MARKING", "MARK"), mark.replace(" ", "")
            if difflib.SequenceMatcher(None, *meant, autojunk=False).ratio() >= MIN_SIMILARITY:
                return mark
    return ""


# --------------------------------------------------------------------- removing solutions


@dataclass(frozen=True)
class _Region:
    """Lines of a cell, from BEGIN to END."""

    what: str
    first: int
    last: int
    inner: str  # indentation of its code

    def stubs(self, line: str, prose: bool) -> list[list[str]]:
        """Return possible replacements, best first; ``line`` is the first line of the region."""
        outer = line[: len(line) - len(line.lstrip())]
        if self.what != "SOLUTION":
            return [[]] if prose else [[], [f"{self.inner}pass"]]
        if prose:
            return [[outer + TEXT_STUB]]
        return [
            [indent + line for line in stub.split("\n")]
            for indent, stub in (
                (outer, STUB),
                (outer, RAISING_STUB),
                # Marks are often not indented although the code is.
                (self.inner, RAISING_STUB),
            )
        ]


def _regions(lines: list[str]) -> list[_Region]:
    """Return the regions of a cell that :func:`_verify_regions` has accepted."""
    found = []
    first = 0
    for number, line in enumerate(lines):
        word, what = _region_mark(line)
        if word == "BEGIN":
            first = number
        elif word:
            code = [
                inner
                for inner in lines[first + 1 : number]
                if inner.strip() and not inner.lstrip().startswith("#")
            ]
            inner = code[0][: len(code[0]) - len(code[0].lstrip())] if code else ""
            found.append(_Region(what, first, number, inner))
    return found


def _remove_solutions(cell: NotebookNode, where: str) -> None:
    """Replace the solutions in a cell by stubs, and remove hidden tests and mark schemes."""
    prose = cell.cell_type != "code"
    original = cell.source
    lines = original.split("\n")
    regions = _regions(lines)
    whole = marks_of(cell).get("solution") and all(region.what != "SOLUTION" for region in regions)
    if whole and not _is_blank(cell):
        cell.source = TEXT_STUB if prose else STUB
        return
    checked = bool(regions) and not prose and _syntax_error(original) is None
    cleared = list(lines)
    for region in reversed(regions):  # from the end, so that line numbers stay valid
        stubs = region.stubs(lines[region.first], prose)
        chosen = stubs[0]
        if checked:
            # Try each region with the others unchanged, since they do not affect the choice.
            for stub in stubs:
                tried = lines[: region.first] + stub + lines[region.last + 1 :]
                if _syntax_error("\n".join(tried)) is None:
                    chosen = stub
                    break
        cleared[region.first : region.last + 1] = chosen
    cell.source = "\n".join(cleared)
    fault = _syntax_error(cell.source) if checked else None
    if fault:
        raise BadNotebookError(
            f"{where}: without what is taken out, line {fault[0]} does not compile "
            f"({fault[1]}). Leave whole statements outside of the marks; the cell would be:\n"
            f"{cell.source}"
        )


def _is_blank(cell: NotebookNode) -> bool:
    """Return whether a solution cell is still an unedited stub."""
    from nbgrader.utils import compute_checksum

    if cell.source.strip() in ("", STUB, RAISING_STUB, TEXT_STUB):
        return True
    checksum = marks_of(cell).get("checksum")
    return checksum is not None and checksum == compute_checksum(cell)


def _syntax_error(source: str) -> tuple[int, str] | None:
    """Return the line number and message of a cell's syntax error; None if it compiles.

    IPython syntax is accepted. After a cell magic such as %%time, the rest of the cell is compiled;
    if it is not Python, as after %%bash, that is an error.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    lines = source.split("\n")
    start = 0
    while start < len(lines) and (
        not lines[start].strip() or lines[start].lstrip().startswith("%%")
    ):
        start += 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(
                TransformerManager().transform_cell("\n".join(lines[start:])),
                "<cell>",
                "exec",
                flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                dont_inherit=True,
            )
    except SyntaxError as error:
        return start + (error.lineno or 1), error.msg
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return start + 1, str(error)
    return None


def _strip_metadata(cell: NotebookNode) -> None:
    """Remove attachments that a cell no longer shows, and metadata that might reveal a solution."""
    shown = unquote(cell.source)
    attachments = cell.pop("attachments", {})
    kept = {name: data for name, data in attachments.items() if f"attachment:{name}" in shown}
    if kept:
        cell["attachments"] = kept
    secret = any(marks_of(cell).get(flag) for flag in ("solution", "grade", "task"))
    for key in list(cell.metadata):
        if (key not in ALLOWED_METADATA) if secret else (key in EXECUTION_METADATA):
            del cell.metadata[key]


def _finish_as_nbgrader_does(notebook: NotebookNode, name: str) -> None:
    """Lock cells, clear outputs, and compute checksums, in place."""
    from nbgrader.nbgraderformat import MetadataValidator
    from nbgrader.preprocessors import ClearOutput, ComputeChecksums, LockCells

    for where, cell in _named_cells(notebook, name):
        marks = {key: value for key, value in marks_of(cell).items() if key in NBGRADER_KEYS}
        if not any(marks.get(flag) for flag in FLAGS):
            # What is left of a mark that was taken back. Like nbgrader, take it for no mark.
            cell.metadata.pop("nbgrader", None)
            continue
        cell.metadata["nbgrader"] = NotebookNode(
            {"grade": False, "solution": False, "locked": False, **marks}
        )
        try:
            MetadataValidator().validate_cell(cell)
        except Exception as error:  # its own errors, and those of jsonschema
            raise BadNotebookError(
                f"{where}: nbgrader does not take its marks: {_one_line(error)}"
            ) from None
    resources = {"unique_key": name, "nbgrader": {"name": name}}
    for preprocessor in (LockCells, ClearOutput, ComputeChecksums):
        try:
            preprocessor().preprocess(notebook, resources)
        except Exception as error:  # each preprocessor has its own errors
            raise BadNotebookError(
                f"{name}: nbgrader's {preprocessor.__name__}: {_one_line(error)}"
            ) from None
