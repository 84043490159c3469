"""What EXPLAIN tells of a scan before a pixel is touched."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqe.config import Settings
from vqe.display.counted import counted
from vqe.planner import cascade, refining
from vqe.planner.calibration import days_of_costs, known_network_cost
from vqe.planner.cascade import stored_decision
from vqe.planner.cost import NetworkCost
from vqe.planner.decision import NO_CASCADE, REFINEMENT, Decision
from vqe.planner.decoding import Decoding, cheapest, choose_decoding, price_decoding
from vqe.planner.explained_plans import plans_of
from vqe.planner.explanation import (
    DecodeChoice,
    ExplainedPlan,
    ExplainedVideo,
    Predicted,
    Step,
)
from vqe.planner.floor import floor_text
from vqe.planner.refinement_cost import ahead
from vqe.planner.refining import first_grid, refinement_of
from vqe.planner.sampling import draw_portions, most_labels
from vqe.planner.visual_scan import VisualScan
from vqe.storage.store import Store
from vqe.video.costs import DecodeCosts
from vqe.video.decode_plan import DecodeWork
from vqe.video.strategies import FrameSet

CASCADE = "cascade"


def preview(video: str, scan: VisualScan, store: Store, settings: Settings) -> ExplainedVideo:
    """The plan that is stored or those that are possible, and the price of every decoding; with a
    CONFIDENCE what a proof takes at least.

    Seconds are known as far as the network and the decoder were measured by an earlier query.
    """
    stored = stored_decision(scan, store)
    told = _told(video, scan, store, settings, stored)
    if stored is None:
        told = replace(told, measured_on=days_of_costs(scan, store))
    answered = stored.complete if stored is not None else not len(scan.remaining)
    if scan.accuracy.confidence is None or answered:
        return told
    return replace(told, floor=floor_text(scan))


def _told(
    video: str, scan: VisualScan, store: Store, settings: Settings, stored: Decision | None
) -> ExplainedVideo:
    decodings = _decodings(scan, store)
    if stored is not None:
        summary = f"stored plan: {stored.name} → {scan.network.name}"
        if stored.until is not None:
            summary += f", up to frame {stored.until}: from there on planned anew"
        nothing_to_decode = stored.fill is not None
        return ExplainedVideo(
            video, plans_of(stored), () if nothing_to_decode else decodings, summary
        )
    prospects = _Prospects(scan, store, settings.seed)
    open_frames = len(scan.remaining)
    n_stored = scan.frames - open_frames
    if not open_frames and n_stored:
        chosen = prospects.everything("all labels are stored", chosen=True)
        return ExplainedVideo(video, (chosen,), (), f"{counted(n_stored, 'stored label')} answer")
    everything = f"{scan.network.name} on each of {open_frames:,} frames"
    if n_stored:
        everything += f", beside {counted(n_stored, 'stored label')}"
    if scan.accuracy.exact:
        chosen = prospects.everything("EXACT asks the reference network", chosen=True)
        return ExplainedVideo(video, (chosen,), decodings, everything)
    seconds, plans, grid = prospects.seconds_without, [], None
    if seconds >= refining.LEAST_SAVING_SECONDS:
        grid = first_grid(scan, fill=settings.fill)
    if grid is not None:
        plans.append(prospects.refinement(grid))
    portions = draw_portions(scan.index, scan.ordinals, scan.accuracy.unit_us, settings.seed)
    sample = np.concatenate([scan.ordinals[:0], *(b.ordinals for b in next(portions, ()))])
    if len(sample) and seconds >= cascade.LEAST_SAVING_SECONDS:
        plans.append(prospects.cascade(sample))
    if not plans:
        why = f"all takes only {seconds:.1f} s" if len(sample) else "too few to learn from"
        chosen = prospects.everything(why, chosen=True)
        return ExplainedVideo(video, (chosen,), decodings, f"{everything}: {why}")
    plans.append(prospects.everything("if nothing else pays"))
    first = _first_sample(scan, sample) if grid is None else _first_grid(scan, grid)
    return ExplainedVideo(video, tuple(plans), decodings, f"not planned yet: {first}")


def _first_sample(scan: VisualScan, sample: NDArray[np.int64]) -> str:
    """What a cascade will begin with, given the frames of its first portion."""
    unknown = len(np.intersect1d(sample, scan.remaining, assume_unique=True))
    labels = counted(unknown, "label") if unknown else "stored labels"
    most = most_labels(scan.frames)
    return f"begins with {labels}, and takes more while they may pay, up to about {most:,}"


def _first_grid(scan: VisualScan, grid: NDArray[np.int64]) -> str:
    """What a refinement will begin with."""
    unknown = len(np.setdiff1d(scan.ordinals[grid], scan.labels.frames(), assume_unique=True))
    if not unknown:
        return "labels of earlier queries tell where to ask"
    stored = counted(len(grid) - unknown, "stored label")
    beside = f", beside {stored}" if unknown < len(grid) else ""
    return f"asks about {counted(unknown, 'frame')} first, spread over the video{beside}"


class _Prospects:
    """The plans that are possible, with what is known of their costs."""

    def __init__(self, scan: VisualScan, store: Store, seed: int) -> None:
        self.scan = scan
        self.seed = seed
        self.remaining = scan.remaining
        self.network: NetworkCost | None = known_network_cost(scan, store)
        self.costs: DecodeCosts | None = scan.decode_costs(store)

    @property
    def seconds_without(self) -> float:
        """What the reference network would take for all frames; infinite before it is measured."""
        if self.network is None:
            return math.inf
        return self.network.seconds_per_frame * len(self.remaining)

    def everything(self, reason: str, *, chosen: bool = False) -> ExplainedPlan:
        """The reference network on every frame."""
        work = choose_decoding(self.scan.index, self.remaining, self.costs).work
        return self._plan(NO_CASCADE, reason, work, len(self.remaining), chosen=chosen)

    def refinement(self, grid: NDArray[np.int64]) -> ExplainedPlan:
        """Its first grid, int64, positions; which frames come then, only the answers tell. Where
        labels of other questions tell already, all that is to come."""
        scan = self.scan
        known, found = scan.labels.measure(scan.question.marks)
        mark = np.full(scan.frames, np.nan, np.float32)
        _, here, there = np.intersect1d(
            scan.ordinals, known, assume_unique=True, return_indices=True
        )
        mark[here] = found[there]
        if np.isnan(mark[grid]).any():
            return self._begun(REFINEMENT, scan.ordinals[grid], "and more around every change")
        refinement = refinement_of(scan, grid, self.seed)
        refinement.tell(grid, scan.question.holds(mark[grid]))
        calls, work = ahead(scan, refinement, mark)
        return self._plan(REFINEMENT, "by the labels that are stored", work, calls)

    def cascade(self, sample: NDArray[np.int64]) -> ExplainedPlan:
        """The first frames that it learns from; all others are at least decoded."""
        learning = "models learn from these, and more"
        if not len(np.intersect1d(sample, self.remaining, assume_unique=True)):
            learning = "models learn from stored labels"
        return self._begun(CASCADE, sample, learning)

    def _begun(self, name: str, ordinals: NDArray[np.int64], reason: str) -> ExplainedPlan:
        unknown = np.intersect1d(ordinals, self.remaining, assume_unique=True)
        work = FrameSet().plan(self.scan.index, unknown).work
        return self._plan(name, reason, work, len(unknown), at_least=True)

    def _plan(
        self,
        name: str,
        reason: str,
        work: DecodeWork,
        calls: int,
        *,
        chosen: bool = False,
        at_least: bool = False,
    ) -> ExplainedPlan:
        decoding = None if work.decoded else 0.0
        if self.costs is not None:
            decoding = self.costs.seconds(work)
        decode = Predicted(work.decoded, decoding, decoding)
        unknown = None if calls else 0.0
        network = Predicted(calls, unknown, unknown)
        if self.network is not None:
            seconds = calls * self.network.seconds_per_frame
            network = Predicted(calls, seconds, seconds * self.network.cores)
        return ExplainedPlan(
            name=name,
            verdict="chosen" if chosen else "possible",
            reason=reason,
            steps=(Step("decode", decode), Step(self.scan.network.name, network)),
            seconds=_sum(decode.seconds, network.seconds),
            cpu_seconds=_sum(decode.cpu_seconds, network.cpu_seconds),
            at_least=at_least,
        )


def _sum(*seconds: float | None) -> float | None:
    """Of those that are known; None where none is."""
    known = [value for value in seconds if value is not None]
    return sum(known) if known else None


def _decodings(scan: VisualScan, store: Store) -> tuple[DecodeChoice, ...]:
    """Ways to decode the frames without a label; none where all have one."""
    remaining = scan.remaining
    if not len(remaining):
        return ()
    prices = price_decoding(scan.index, remaining, scan.decode_costs(store))
    chosen = cheapest(prices)
    return tuple(
        DecodeChoice(
            name=price.strategy.name,
            delivered=len(remaining) if price.strategy.complete else price.delivered,
            asked=len(remaining),
            decoded=price.work.decoded,
            seeks=price.work.seeks,
            cpu_seconds=price.seconds,
            choice=_choice(price, chosen),
        )
        for price in prices
    )


def _choice(price: Decoding, chosen: Decoding) -> str:
    if price.strategy == chosen.strategy:
        return "this one"
    if price.work == chosen.work:
        return "the same here"
    return "dearer" if price.strategy.complete else "leaves frames out"
