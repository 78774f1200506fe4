"""Exercises that check themselves, and the grading of submitted ones."""

from coursekit.grading._check import Check, CheckFailed, Result, check, every, find

__all__ = ["Check", "CheckFailed", "Result", "check", "every", "find"]
