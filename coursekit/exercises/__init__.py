"""Exercises that check themselves.

A notebook calls :func:`check`. Whoever writes exercises declares checks: :func:`declare`,
:func:`expect`, :class:`Wrong`, and the kinds of answers in :mod:`coursekit.exercises.kinds`.
"""

from coursekit.exercises.catalogue import CheckFailed, check, every, find
from coursekit.exercises.declaring import Check, Result, Wrong, declare, expect

__all__ = ["check", "CheckFailed", "declare", "expect", "Wrong", "Check", "Result", "find", "every"]
