"""Exercises that check themselves.

A notebook calls :func:`check`. For checks that are not part of the course, it first calls
:func:`use` with the file that declares them. Authors of exercises declare checks with
:func:`declare`, :func:`expect`, :class:`Wrong` and the kinds of answers in
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
