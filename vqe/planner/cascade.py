"""From one visual scan to its cascade: is it worth one, which labels, which stages."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vqe.models.reference import ReferenceNetwork
from vqe.models.specialized import ARCHITECTURES
from vqe.physical.stages import Question
from vqe.plan.accuracy import Accuracy
from vqe.planner.cost import Costs
from vqe.planner.decision import Decision
from vqe.planner.evidence import Labeller, collect
from vqe.planner.sampling import Block, draw_blocks, label_budget
from vqe.planner.search import Search
from vqe.runtime.context import Context
from vqe.storage.labels import LabelStore
from vqe.storage.store import Store
from vqe.video.index import VideoIndex
from vqe.video.reader import Reader
from vqe.video.segments import Span, frames_to_decode, spans_of

LEAST_SAVING_SECONDS = 5.0
"""What learning takes before it can save anything: compiling kernels, decoding the blocks twice,
training the first models. A query with less to gain is not worth a cascade."""


@dataclass(frozen=True)
class VisualScan:
    """A scan that needs pixels, with everything its planning depends on.

    `key` names the question in the store; None where the model has no fingerprint, and may thus be
    another one tomorrow. `limit`: rows wanted at most, where a LIMIT stands directly above.
    """

    index: VideoIndex
    span: Span
    question: Question
    accuracy: Accuracy
    network: ReferenceNetwork
    labels: LabelStore
    key: Hashable | None
    limit: int | None

    @property
    def frames(self) -> int:
        """Frames in the span."""
        return self.span[1] - self.span[0]


def decide(scan: VisualScan, store: Store, context: Context) -> tuple[Decision, NDArray[np.int64]]:
    """The cascade for a scan, and the frames labelled on the way, int64 ascending."""
    if scan.accuracy.exact:
        return Decision((), "EXACT asks the reference network"), np.empty(0, np.int64)
    stored = stored_decision(scan, store)
    if stored is not None:
        return stored, np.empty(0, np.int64)
    labeller = Labeller(scan.network, scan.question, scan.labels, context)
    with context.metrics.phase("labelling"):
        found = _leading_rows(scan, labeller, context)
    if scan.limit is not None and found >= scan.limit:
        # Not kept: it holds for this LIMIT only.
        reason = f"the first {len(labeller.fresh)} frames hold the {scan.limit} rows of LIMIT"
        return Decision((), reason, labels=len(labeller.fresh)), labels_of(labeller)
    blocks = draw_blocks(scan.index, scan.span, scan.accuracy.unit_us, context.settings.seed)
    if blocks:
        decision = _learn(scan, blocks, labeller, context)
    else:
        decision = Decision((), f"{scan.frames:,} frames are too few to learn from")
    if scan.key is not None:
        store.keep_plan(scan.key, decision)
    return replace(decision, labels=len(labeller.fresh)), labels_of(labeller)


def stored_decision(scan: VisualScan, store: Store) -> Decision | None:
    """What an earlier query decided for the same question."""
    decision = None if scan.key is None else store.plan(scan.key)
    assert decision is None or isinstance(decision, Decision)
    return decision and replace(decision, reason="stored plan", labels=0)


def labels_of(labeller: Labeller) -> NDArray[np.int64]:
    """The frames it labelled, ascending."""
    return np.array(sorted(labeller.fresh), np.int64)


def _leading_rows(scan: VisualScan, labeller: Labeller, context: Context) -> int:
    """Rows found by labelling the leading frames, while a LIMIT may be met by them alone."""
    if not scan.limit:
        return 0
    start, stop = scan.span
    leading = min(start + label_budget(scan.frames) // 2, stop)
    reader = Reader(scan.index, batch_frames=max(scan.network.batch_size, 1))
    found = 0
    context.progress.phase("labelling", leading - start)
    with closing(reader.read([(start, leading)])) as batches:
        for frames in batches:
            context.check()
            found += int(labeller.label(frames).sum())
            context.progress.advance(len(frames))
            if found >= scan.limit:
                break
    return found


def _first_look(scan: VisualScan, block: Block, labeller: Labeller) -> None:
    """Labels one block, which tells how fast the reference network is."""
    batch_frames = scan.network.batch_size
    with closing(Reader(scan.index, batch_frames).read([(block.start, block.stop)])) as batches:
        for frames in batches:
            labeller.label(frames.select(np.flatnonzero(np.isin(frames.ordinals, block.ordinals))))
            labeller.measure(frames)


def _learn(
    scan: VisualScan, blocks: tuple[Block, ...], labeller: Labeller, context: Context
) -> Decision:
    with context.metrics.phase("labelling"):
        _first_look(scan, blocks[0], labeller)
        n_labels = sum(len(block.ordinals) for block in blocks)
        saving = (scan.frames - n_labels) * labeller.seconds_per_frame
        if saving < LEAST_SAVING_SECONDS:
            per_second = 1 / labeller.seconds_per_frame
            return Decision(
                (),
                f"at {per_second:,.0f} frames/s of {scan.network.name} there are only "
                f"{saving:.1f} s to save",
            )
        evidence = collect(scan.index, blocks, labeller, context)
    selected = evidence.present[~evidence.training]
    if selected.all() or not selected.any():
        what = "all" if selected.all() else "none"
        return Decision((), f"{what} of the {len(selected)} selection frames are positive")
    costs = Costs(
        decode=evidence.decode_seconds,
        reference=labeller.seconds_per_frame,
        difference=evidence.difference_seconds,
        specialized={},
    )
    known, _ = scan.labels.best_score(scan.question.label)
    remaining = np.setdiff1d(np.arange(*scan.span), known)
    context.progress.phase("training", len(ARCHITECTURES), unit="models")
    search = Search(
        index=scan.index,
        evidence=evidence,
        accuracy=scan.accuracy,
        costs=costs,
        frames=len(remaining),
        decoded=frames_to_decode(scan.index, spans_of(remaining)),
        reference_name=scan.network.name,
    )
    return search.run(context, scan.network.device)
