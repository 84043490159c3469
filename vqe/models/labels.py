"""Which names the classes of a network go by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from vqe.errors import ModelError
from vqe.models.coco import COCO_91_TO_80, COCO_LABELS
from vqe.models.layouts import UNTOLD, Layout


def choose_labels(
    layout: Layout,
    n_classes: int,
    *,
    given: tuple[str, ...] | None,
    stored: tuple[str, ...] | None,
    name: str,
) -> tuple[tuple[str, ...], NDArray[np.int16]]:
    """The labels, and int16 (n,) class id of the network -> index of the label, -1 for none.

    `given` by the caller go before those `stored` in the file, and those before COCO's.
    """
    labels = given or stored
    if labels is None and layout.background:
        # SSDs in TensorFlow's format number COCO's classes as its annotation files do.
        return COCO_LABELS, COCO_91_TO_80
    if labels is None and n_classes == len(COCO_LABELS):
        labels = COCO_LABELS
    if labels is None:
        seen = "does not tell its classes" if n_classes == UNTOLD else f"has {n_classes} classes"
        raise ModelError(
            f"{name} {seen}, and nothing names them",
            hint="give labels=[…], one name per class in the order of training",
        )
    if n_classes not in (UNTOLD, len(labels)):
        origin = "were given" if given else "are stored in the file"
        raise ModelError(
            f"{name} has {n_classes} classes, but {len(labels)} labels {origin}",
            hint="give labels=[…], one name per class in the order of training",
        )
    index = np.arange(len(labels), dtype=np.int16)
    return labels, np.concatenate([[np.int16(-1)], index]) if layout.background else index


def checked_labels(labels: Iterable[str] | None) -> tuple[str, ...] | None:
    """`labels` as a tuple, None for None. Raises ModelError unless they are distinct names."""
    if labels is None:
        return None
    listed = [] if isinstance(labels, str) or not isinstance(labels, Iterable) else list(labels)
    if not listed or not all(isinstance(one, str) for one in listed):
        raise ModelError(f"labels must be a list of names, got {labels!r}")
    labels = listed
    if len(set(labels)) < len(labels):
        twice = sorted({one for one in labels if list(labels).count(one) > 1})
        raise ModelError(f"labels must differ, but {', '.join(map(repr, twice))} occur twice")
    return tuple(labels)
