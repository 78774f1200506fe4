"""The former home of ``check``, which notebooks that are out there import from here."""

from coursekit.exercises import check

__all__ = ["check"]
