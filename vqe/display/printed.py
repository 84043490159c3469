"""Text that a terminal and a notebook show as it is."""

from __future__ import annotations

import html


class Printed(str):
    """A string that a prompt, or the end of a cell, shows line by line, and not in quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return preformatted(self)


def preformatted(text: str) -> str:
    """As HTML, in letters of one width, and with its lines as they are: notebooks break them."""
    return f'<pre style="white-space:pre;overflow-x:auto">{html.escape(text)}</pre>'
