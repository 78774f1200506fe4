"""Variants of a set of exercises: its data and numbers depend on a seed.

Variant 0 is the published one. For the others, a notebook takes its numbers from
:func:`coursekit.exercises.variant`, and its checks from :func:`numbers`. ``coursekit release
--variant`` writes the seed into the notebook.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit import _options

LARGEST_SEED = 2**31 - 1

_makers: dict[str, Callable[[Draw], Any]] = {}
_seed = 0


@dataclass(frozen=True)
class Draw:
    """Draws the numbers of a variant.

    Each number has a label and is drawn independently of the others, so that adding one changes
    none of them. Variant 0 has the published numbers.

    Attributes
    ----------
    seed : int
        Seed of the variant.
    """

    seed: int

    def generator(self, label: str) -> np.random.Generator:
        """Return the random number generator for one number."""
        return np.random.default_rng([self.seed, zlib.crc32(label.encode())])

    def one_of(self, label: str, published: Any, candidates: Sequence[Any]) -> Any:
        """Return one of the candidates; in variant 0, the published value."""
        if self.seed == 0:
            return published
        return candidates[int(self.generator(label).integers(len(candidates)))]

    def order_of(self, label: str, published: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values in random order; in variant 0, in the published order."""
        if self.seed == 0:
            return tuple(published)
        order = self.generator(label).permutation(len(published))
        return tuple(published[int(place)] for place in order)


def declare_variant(name: str) -> Callable[[Callable[[Draw], Any]], Callable[[Draw], Any]]:
    """Declare the numbers of a set of exercises; decorates the function that draws them.

    Parameters
    ----------
    name : str
        Name of the notebook, such as ``"capstone"``.
    """

    def register(make: Callable[[Draw], Any]) -> Callable[[Draw], Any]:
        _makers[name] = make
        return make

    return register


def choose(seed: int) -> None:
    """Choose the variant that following checks judge.

    Raises
    ------
    TypeError, ValueError
        If the seed is not a whole number from 0 to 2,147,483,647.
    """
    global _seed
    _seed = _options.whole("the variant", seed, least=0, most=LARGEST_SEED)


def numbers(name: str) -> Any:
    """Return the numbers of a set of exercises in the variant that was chosen.

    Raises
    ------
    KeyError
        If the set has no variants; the message names those that have.
    """
    if name not in _makers:
        raise KeyError(f"there are no variants of {name!r}; there are of {', '.join(_makers)}.")
    return _makers[name](Draw(_seed))
