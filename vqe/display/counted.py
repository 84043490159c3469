"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 label", "12,000 labels"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
