"""Plans as values: what logical nodes and physical operators have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar, cast

T = TypeVar("T", bound="Tree")


class Tree:
    """Base of frozen dataclasses whose fields that are trees, or tuples of trees, are the
    children."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @property
    def children(self) -> tuple[Tree, ...]:
        """The trees in its fields, in the order of declaration."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        each = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(one for several in each for one in several if isinstance(one, Tree))

    def map_children(self: T, function: Callable[[Tree], Tree]) -> T:
        """This node with `function` applied to each child; itself when none changed."""
        changes: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tree) and (new := function(value)) is not value:
                changes[field.name] = new
            elif isinstance(value, tuple):
                several = tuple(function(one) if isinstance(one, Tree) else one for one in value)
                if any(new is not one for new, one in zip(several, value, strict=True)):
                    changes[field.name] = several
        return cast(T, dataclasses.replace(cast(Any, self), **changes)) if changes else self

    def walk(self) -> Iterator[Tree]:
        """This node, then its descendants, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def headline(self) -> str:
        """This node without its children, in one line."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n".join(render(self))


def render(tree: Tree) -> list[str]:
    """The tree as indented lines, a node a line, drawn with branches."""
    lines = [tree.headline()]
    children = tree.children
    for i, child in enumerate(children):
        last = i == len(children) - 1
        first, *rest = render(child)
        lines.append(("└─ " if last else "├─ ") + first)
        lines.extend(("   " if last else "│  ") + line for line in rest)
    return lines
