"""Right and wrong answers to every check: the material of the both-ways tests."""

from __future__ import annotations

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
