"""Measure two ways of doing the same in turn, and print the ratio of their times."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def compare(
    name: str, plain: Callable[[], float], ours: Callable[[], float], *, pairs: int
) -> float:
    """Return the median, over pairs, of the seconds of ``plain`` divided by those of ``ours``.

    The two alternate, and each pair begins with the other one, so that what else the machine
    does falls on both.
    """
    ratios = []
    for pair in range(pairs):
        order = (("plain", plain), ("ours", ours))
        seconds = {which: run() for which, run in (order if pair % 2 == 0 else order[::-1])}
        ratios.append(seconds["plain"] / seconds["ours"])
        print(
            f"  {name}, pair {pair + 1}: plain {seconds['plain']:.1f} s, "
            f"ours {seconds['ours']:.1f} s, ratio {ratios[-1]:.2f}",
            flush=True,
        )
    median = statistics.median(ratios)
    print(
        f"{name}: {median:.2f} times as fast (median of {pairs} pairs, "
        f"{min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )
    return median
