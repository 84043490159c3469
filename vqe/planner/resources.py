"""What planning may draw on beyond the logical plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vqe.models.reference import ReferenceNetwork
from vqe.plan.catalog import ModelInfo
from vqe.storage.store import Store


@dataclass(frozen=True)
class Resources:
    """The connection's store, and how to get at a network's weights."""

    store: Store
    network: Callable[[ModelInfo], ReferenceNetwork]
