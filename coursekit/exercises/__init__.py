"""Exercises that check themselves.

A notebook calls :func:`check`. Checks that do not come with the course are in a file of their
own, which it names to :func:`use` first. Whoever writes exercises declares checks:
:func:`declare`, :func:`expect`, :class:`Wrong`, and the kinds of answers in
:mod:`coursekit.exercises.kinds`.
"""

from coursekit.exercises.catalogue import CheckFailed, check, every, find, use
from coursekit.exercises.declaring import Check, Result, Wrong, declare, expect

__all__ = [
    "check",
    "CheckFailed",
    "use",
    "declare",
    "expect",
    "Wrong",
    "Check",
    "Result",
    "find",
    "every",
]
