"""Exercises that check themselves.

A notebook calls :func:`check`, and a learner who is stuck :func:`hint`. For checks that are not
part of the course, the notebook first calls :func:`use` with the file that declares them; for
numbers that differ from student to student, :func:`variant`. Authors of exercises declare checks
with :func:`declare`, :func:`expect`, :class:`Wrong` and the kinds of answers in
:mod:`coursekit.exercises.kinds`.
"""

from coursekit.exercises.catalogue import CheckFailed, check, every, find, hint, use, variant
from coursekit.exercises.declaring import Check, Result, Wrong, declare, expect

__all__ = [
    "check",
    "CheckFailed",
    "hint",
    "variant",
    "use",
    "declare",
    "expect",
    "Wrong",
    "Check",
    "Result",
    "find",
    "every",
]
