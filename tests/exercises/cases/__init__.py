"""Right and wrong answers to every check: the material of the both-ways tests."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Answers = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """Answers to one check.

    Attributes
    ----------
    right : mapping of str to callable
        Other right answers than the solution's, by what is different about them.
    wrong : mapping of str to (callable, str)
        Plausible wrong answers, by the mistake; and a piece of the message each must get.
    """

    right: Mapping[str, Answers]
    wrong: Mapping[str, tuple[Answers, str]]


def every_case() -> dict[str, Case]:
    """Return the cases of all sets of exercises, by check."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    sets = [importlib.import_module(f"{__name__}.{name}") for name in names if name[0] != "_"]
    return {identifier: case for one in sets for identifier, case in one.CASES.items()}
