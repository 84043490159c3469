"""The proof of a question, which belongs to all queries of a store that ask it.

One of them is at work on it at a time, from its first label on. Whoever comes meanwhile waits, and
goes on with the labels and the draws that there are then: two proofs side by side would pay twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from vqe.planner.allowance import Allowance
from vqe.planner.proof import Proof
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.storage.store import Store

POLL_SECONDS = 0.1
"""Who waits looks so often whether it was cancelled, or its time is over."""

_making = threading.Lock()


@dataclass
class SharedProof:
    """`proof`: None before its plans are frozen; `lock` is held by the query at work on it."""

    proof: Proof | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


def shared_proof(scan: VisualScan, store: Store) -> SharedProof:
    """That of the question of a scan; of a scan that shares nothing, one that nobody else has."""
    if scan.plan_key is None:
        return SharedProof()
    with _making:
        kept = store.proofs.get(scan.plan_key)
        if not isinstance(kept, SharedProof):
            kept = SharedProof()
            store.proofs.keep(scan.plan_key, kept)
        return kept


@contextmanager
def alone_with_proof(
    scan: VisualScan, store: Store, context: Context, allowance: Allowance
) -> Iterator[VisualScan]:
    """Waits until no other query proves what `scan` asks, where it asks for a proof at all.

    Yields the scan, or where the time is over before, one that shares no plan and no proof: its
    labels are all that it has by then.
    """
    if scan.accuracy.confidence is None:
        yield scan
        return
    lock = shared_proof(scan, store).lock
    with context.metrics.phase("certifying"):
        while not (held := lock.acquire(timeout=POLL_SECONDS)) and not allowance.late:
            context.check()
    try:
        yield scan if held else replace(scan, plan_key=None)
    finally:
        if held:
            lock.release()
