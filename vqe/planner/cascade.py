"""From one visual scan to its cascade: is it worth one, which labels, which stages."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from vqe.planner.allowance import Allowance, SpentError
from vqe.planner.calibration import decode_costs, keep_network_cost, known_network_cost
from vqe.planner.cost import Costs, NetworkCost, ScanCost, StageCost, StagePrediction
from vqe.planner.decision import REFINEMENT, Alternative, Decision
from vqe.planner.evidence import Collection, Evidence
from vqe.planner.inquiry import ScanInquiry
from vqe.planner.labeller import Labeller
from vqe.planner.learning import Gathering, learn
from vqe.planner.proving import certify
from vqe.planner.refine import NotWorthwhileError
from vqe.planner.refining import FIRST_LOOK_BATCHES, Refining, first_grid
from vqe.planner.sampling import Block, cut, draw_portions, label_budget, n_labels
from vqe.planner.search import Search
from vqe.planner.shared_proof import alone_with_proof
from vqe.planner.training import Trainer
from vqe.planner.turns import find_turns
from vqe.planner.visual_scan import VisualScan
from vqe.planner.within_limits import decide_within
from vqe.runtime.context import Context
from vqe.runtime.metrics import StageMetrics
from vqe.storage.store import Store

LEAST_SAVING_SECONDS = 5.0
"""What learning takes before it can save anything: compiling kernels, decoding the blocks twice,
training the first models. A query with less to gain is not worth a cascade."""

LABELS_PART = 0.5
"""Part of a limited allowance that the sample for a cascade may take: its answers take more."""


def decide(
    scan: VisualScan, store: Store, context: Context, allowance: Allowance
) -> tuple[Decision, NDArray[np.int64]]:
    """The cascade for a scan, and the frames labelled on the way, int64 ascending."""
    nothing = np.empty(0, np.int64)
    known = _known_decision(scan, store, allowance)
    if known is not None:
        return known, nothing
    with alone_with_proof(scan, store, context, allowance) as alone:
        known = _known_decision(alone, store, allowance)  # another query may have made it meanwhile
        if known is not None:
            return known, nothing
        return _make_decision(alone, store, context, allowance)


def _make_decision(
    scan: VisualScan, store: Store, context: Context, allowance: Allowance
) -> tuple[Decision, NDArray[np.int64]]:
    """What `decide` has where nothing is known."""
    expected = known_network_cost(scan, store)
    labeller = Labeller(
        scan.network, scan.question, scan.labels, context, allowance=allowance, expected=expected
    )
    decision = _decide(scan, labeller, store, context)
    if scan.accuracy.confidence is not None and decision.shortfall is None and scan.key is not None:
        store.plans.keep(scan.key, decision)
    keep_network_cost(scan, store, labeller.cost)
    fresh = np.array(sorted(labeller.fresh), np.int64)
    return replace(decision, labels=len(fresh)), fresh


def _known_decision(scan: VisualScan, store: Store, allowance: Allowance) -> Decision | None:
    """What needs no label to be decided."""
    if scan.accuracy.exact:
        decision = Decision((), "EXACT asks the reference network")
        return _priced(decision, scan, store, known_network_cost(scan, store))
    stored = stored_decision(scan, store)
    if stored is not None and (stored.complete or not allowance.limited):
        return stored
    return None if len(scan.remaining) else Decision((), "all labels are stored")


def _decide(scan: VisualScan, labeller: Labeller, store: Store, context: Context) -> Decision:
    """A plan, and the proof of it where one is asked for."""
    if labeller.allowance.limited:
        return decide_within(
            scan, labeller, store, context, lambda: _plan(scan.estimated, labeller, store, context)
        )
    decision = _plan(scan.estimated, labeller, store, context)
    if scan.accuracy.confidence is not None and decision.to_prove:
        return certify(scan, decision, labeller, store, context)
    return decision


def _plan(scan: VisualScan, labeller: Labeller, store: Store, context: Context) -> Decision:
    """The plan for bounds that are estimated."""
    stored = stored_decision(scan, store)
    if stored is not None:
        return stored
    with context.metrics.phase("labelling"):
        found, spent = _leading_rows(scan, labeller)
    if scan.limit is not None and found >= scan.limit:
        # Not kept: it holds for this LIMIT only.
        reason = f"the leading frames hold all rows of LIMIT {scan.limit}"
        return Decision((), reason, spent=spent)
    began = time.process_time()
    decision = _learn(scan, labeller, store, context)
    if decision.fill is None:
        decision = _priced(decision, scan, store, labeller.cost)
        decision = replace(decision, one_off_cpu_seconds=time.process_time() - began)
    if scan.key is not None:
        store.plans.keep(scan.key, decision)
    return decision


def _priced(
    decision: Decision, scan: VisualScan, store: Store, network: NetworkCost | None
) -> Decision:
    """With predictions, where it has none and all costs are known: the reference network alone."""
    costs = scan.decode_costs(store)
    if decision.cost is not None or costs is None or network is None:
        return decision
    stage = StageCost(scan.network.name, network.seconds_per_frame, 0, network.cores)
    cost = ScanCost(costs, (stage,))
    return replace(decision, cost=cost, predictions=cost.predict(*scan.work(store)))


def stored_decision(scan: VisualScan, store: Store) -> Decision | None:
    """What an earlier query decided for the same question, with predictions for what remains."""
    decision = None if scan.key is None else store.plans.get(scan.key)
    if decision is None:
        return None
    assert isinstance(decision, Decision)
    scan = scan.before(decision.until)
    predictions = decision.cost.predict(*scan.work(store)) if decision.cost else ()
    if decision.fill is not None and decision.answers is None:
        filled = scan.frames - len(decision.fill.ordinals)
        predictions = (
            StagePrediction("decode", 0, 0, 0),
            StagePrediction("fill", filled, filled, 0),
        )
    answers = decision.answers and decision.answers.from_store()
    return replace(
        decision,
        reason="stored plan",
        predictions=predictions,
        labels=0,
        spent=(),
        one_off_cpu_seconds=0.0,
        answers=answers,
    )


def _leading_rows(scan: VisualScan, labeller: Labeller) -> tuple[int, tuple[StageMetrics, ...]]:
    """Rows found by labelling the leading frames, while a LIMIT may be met by them alone, and what
    that took."""
    leading = scan.ordinals[: label_budget(scan.frames) // 2]
    if not scan.limit or scan.limit > len(leading):
        return 0, ()
    found, still, reader = 0, len(leading), labeller.reader()
    reading = labeller.labelled(reader, scan.index, leading, "labelling")
    with closing(reading):
        for frames, present in reading:
            found += int(present.sum())
            still -= len(frames)
            if found >= scan.limit or found + still < scan.limit:
                break
    calls = len(labeller.fresh)
    return found, (
        StageMetrics("decode", reader.report.decoded, 0, reader.report.seconds),
        StageMetrics(scan.network.name, calls, calls, labeller.seconds),
    )


def _learn(scan: VisualScan, labeller: Labeller, store: Store, context: Context) -> Decision:
    """A refinement where one keeps the bounds with few frames, or else a cascade."""
    if scan.question.varies:
        return Decision((), "what is seen is compared with columns that vary from frame to frame")
    grid = first_grid(scan, fill=context.settings.fill)
    if grid is None:
        return _search(scan, labeller, store, context)
    if len(grid) > labeller.affordable:
        raise SpentError
    try:
        with context.metrics.phase("labelling"):
            refined = Refining(scan, grid, labeller, store, context).run()
    except NotWorthwhileError as reason:
        context.progress.expect(0)
        decision = _search(scan, labeller, store, context)
        rejected = Alternative(REFINEMENT, reason.seconds, str(reason))
        return replace(decision, alternatives=(*decision.alternatives, rejected))
    told = refined.forecast
    return Decision(
        (),
        refined.reason,
        predictions=told.predictions if told else (),
        alternatives=(told.rejected,) if told else (),
        fill=refined.fill,
        rates=refined.rates,
        spent=refined.spent,
        one_off_cpu_seconds=told.one_off_cpu_seconds if told else 0.0,
    )


def _search(scan: VisualScan, labeller: Labeller, store: Store, context: Context) -> Decision:
    """Labels a sample and searches for a cascade, unless that cannot pay."""
    settings = context.settings
    portions = draw_portions(scan.index, scan.ordinals, scan.accuracy.unit_us, settings.seed)
    first = next(portions, ())
    if not first:
        return Decision((), f"{scan.frames:,} frames are too few to learn from")

    def affordable(more: int, labels: int = 0) -> bool:
        return labels + more <= LABELS_PART * (labels + labeller.affordable)

    if not affordable(n_labels(first)):
        raise SpentError
    with context.metrics.phase("labelling"):
        seconds_per_frame = _first_look(scan, first, labeller)
    saving = (len(scan.remaining) - n_labels(first)) * seconds_per_frame
    if saving < LEAST_SAVING_SECONDS:
        return Decision((), f"learning would not pay: the rest takes {saving:.1f} s")
    collection = Collection(scan.index, labeller, context)

    def probe(ordinals: NDArray[np.int64]) -> NDArray[np.bool_]:
        labeller.read(scan.index, labeller.unknown(ordinals), "labelling")
        return scan.question.holds(labeller.marks_or_nan(ordinals))

    gathering = Gathering(
        cut(scan.index, scan.ordinals, scan.accuracy.unit_us), collection.add, probe
    )

    def gather(blocks: tuple[Block, ...]) -> Evidence | None:
        with context.metrics.phase("labelling"):
            return gathering.add(blocks)

    trainer = Trainer(settings.seed, scan.network.device)

    def explored(evidence: Evidence) -> Search:
        with context.metrics.phase("calibration"):
            decoding = decode_costs(scan, store, context)
        frames, work = scan.work(store)
        search = Search(
            index=scan.index,
            evidence=evidence,
            accuracy=scan.accuracy,
            costs=Costs(
                decode=decoding,
                reference=labeller.cost or NetworkCost(seconds_per_frame, 1.0),
                difference=evidence.difference_seconds,
                specialized=trainer.scoring,
                decoders=context.decode_threads,
            ),
            frames=frames,
            work=work,
            reference_name=scan.network.name,
            seconds_left=lambda: labeller.allowance.seconds,
        )
        search.explore(context, trainer)
        return search

    search = learn(chain([first], portions), gather, explored, affordable)
    if search is None:
        return Decision((), "none of the sampled frames can be decoded")
    inquiry = ScanInquiry(scan, labeller, context)
    search.consider_links(context, partial(find_turns, inquiry, search.evidence))
    return search.decide()


def _first_look(scan: VisualScan, blocks: tuple[Block, ...], labeller: Labeller) -> float:
    """The reference network's seconds per frame, from the first full batches of the sample."""
    sampled = np.sort(np.concatenate([block.ordinals for block in blocks]))
    reader, seen = labeller.reader(), 0
    reading = labeller.labelled(reader, scan.index, sampled, "labelling")
    with labeller.counting_cpu(reader), closing(reading):
        for frames, _ in reading:
            labeller.measure(frames)
            seen += len(frames)
            if seen >= FIRST_LOOK_BATCHES * scan.network.batch_size:
                break
    return labeller.seconds_per_frame or 0.0
