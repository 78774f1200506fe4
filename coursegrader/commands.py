"""The commands ``coursekit validate``, ``check-checks`` and ``likeness``.

Like :mod:`coursegrader.cli`, this imports nothing that is slow or available only on Linux.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coursegrader.cli import _Checks, _to_path
from coursekit.terminal import console, errors, exit_on_interrupt, tell

_Seconds = Annotated[float, typer.Option(help="The longest a cell may take.", min=0.1)]
_MARKS = {True: ("✔", "green"), False: ("✘", "red"), None: ("•", "yellow")}
# What is missing, by module, and where it comes from.
_EXTRAS = {"nbval": "test", "pytest": "test", "nbclient": "book", "ipykernel": "book"}


def validate(
    notebook: Annotated[Path, typer.Argument(help="The notebook.", parser=_to_path)],
    master: Annotated[
        list[Path] | None,
        typer.Option(
            help="The exercise as it was handed out; by default, that of the course.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    checks: _Checks = None,
    cell_seconds: _Seconds = 120.0,
    outputs: Annotated[
        bool,
        typer.Option("--outputs", help="Also compare the outputs with those stored (nbval)."),
    ] = False,
) -> None:
    """Run your own notebook before you hand it in: does it run, do its checks pass?

    It runs from the top in a fresh kernel; the file is not changed. The exit status is 0 if all is
    well, 1 if something was found, and 2 if the notebook cannot be read.
    """
    try:
        from coursegrader import validate as validating
        from coursekit.exercises import use

        for path in checks or ():
            use(path)
        if outputs:
            import nbval  # noqa: F401 (for its absence)
            import pytest  # noqa: F401
        with exit_on_interrupt("Stopped. The notebook is as it was."):
            found = validating.validate(notebook, masters=master, cell_seconds=cell_seconds)
            differ = outputs and validating.compare_outputs(notebook, cell_seconds) != 0
    except ImportError as error:
        _refuse_missing_module(error)
    except (OSError, ValueError) as error:
        tell(errors, "Not validated:", f" {error}")
        raise typer.Exit(2) from None
    for one in found:
        mark, style = _MARKS[one.good]
        tell(console, mark, f" {one.where} {one.text}", style=style)
    wrong = sum(one.good is False for one in found)
    if differ:
        tell(errors, "Outputs differ from those that are stored; see above.")
    if wrong:
        tell(errors, f"{wrong} {'thing' if wrong == 1 else 'things'} to look at.")
    if wrong or differ:
        raise typer.Exit(1)
    tell(console, "The notebook runs from top to bottom.", style="green")


def check_checks(
    solution: Annotated[
        Path, typer.Argument(help="Your notebook with the solutions.", parser=_to_path)
    ],
    checks: _Checks = None,
    wrong: Annotated[
        Path | None,
        typer.Option(
            help="Python file with wrong answers: under each line '# %% CHECK words', code that "
            "gives one.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    cell_seconds: _Seconds = 120.0,
) -> None:
    """Test your own checks: the solution passes, the blank and wrong answers do not.

    The notebook runs in fresh kernels here, not in a sandbox. The exit status is 1 if a check
    passes what is wrong, fails what is right, or fails without words.
    """
    try:
        from rich.table import Table

        from coursegrader import check_checks as checking
        from coursekit.exercises import use

        for path in checks or ():
            use(path)
        with exit_on_interrupt("Stopped."):
            found = checking.check_checks(solution, wrong=wrong, cell_seconds=cell_seconds)
    except ImportError as error:
        _refuse_missing_module(error)
    except (OSError, ValueError) as error:
        tell(errors, "Not tested:", f" {error}")
        raise typer.Exit(2) from None
    table = Table("check", "answer", "", "what it says", show_lines=False)
    for one in found:
        table.add_row(one.check, one.answer, _MARKS[one.good][0], _printable(one.text))
    console.print(table)
    bad = sum(not one.good for one in found)
    if bad:
        tell(errors, f"{bad} of {len(found)} answers are not judged as they should be.")
        raise typer.Exit(1)
    tell(console, f"All {len(found)} answers are judged as they should be.", style="green")


def likeness(
    submissions: Annotated[
        Path, typer.Argument(help="Folder, or archive, of notebooks.", parser=_to_path)
    ],
    out: Annotated[Path, typer.Option(help="The page to write.", parser=_to_path, metavar="PATH")],
    master: Annotated[
        list[Path] | None,
        typer.Option(
            help="Your notebook with the solutions, or a folder of them; by default, the course's.",
            parser=_to_path,
            metavar="PATH",
        ),
    ] = None,
    checks: _Checks = None,
) -> None:
    """Write a page with pairs of submissions whose code is alike, for you to look at.

    Nothing is run. Likeness is a reason to read two notebooks side by side, and no proof.
    """
    try:
        from coursegrader import likeness as comparing
        from coursekit.exercises import use

        for path in checks or ():
            use(path)
        with exit_on_interrupt("Stopped. Nothing was written."):
            pairs, compared = comparing.write_page(submissions, out, masters=master)
    except ImportError as error:
        _refuse_missing_module(error)
    except (OSError, ValueError) as error:
        tell(errors, "Not compared:", f" {error}")
        raise typer.Exit(2) from None
    tell(
        console,
        "",
        f"{compared} notebooks compared; {pairs} {'pair is' if pairs == 1 else 'pairs are'} alike "
        f"enough to be shown. See {out}.",
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _refuse_missing_module(error: ImportError) -> None:
    extra = _EXTRAS.get(error.name or "", "grading")
    tell(
        errors,
        f"{error.name} is not installed.",
        f" It comes with: pip install 'coursekit[{extra}]'",
    )
    raise typer.Exit(2) from None
