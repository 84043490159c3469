"""From one scan of the logical plan to what must be planned for it: a question and its frames."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vqe.errors import BindError, VideoError
from vqe.physical.question import Question
from vqe.physical.rows import index_rows
from vqe.plan.catalog import VideoInfo, printable
from vqe.plan.expressions import Contains, Expression, Objects, rewritten, sights_of
from vqe.plan.nodes import Scan
from vqe.plan.regions import region_in_pixels
from vqe.planner.index_cases import Case, cases_of
from vqe.planner.resources import Resources
from vqe.planner.scanned_frames import frames_of_scan
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.video.index import VideoIndex


@dataclass(frozen=True)
class VisualScans:
    """The frames of one video that a predicate is asked about.

    `certain`: int64, ascending, those for which the packet index says that it holds; `scans`: those
    for which pixels decide, with the question that is left of it for each.
    """

    index: VideoIndex
    certain: NDArray[np.int64]
    scans: tuple[VisualScan, ...]

    def titles(self, video: str) -> Iterator[str]:
        """What to call each of the scans."""
        for scan in self.scans:
            alone = len(self.scans) == 1
            yield video if alone else f"{video} where {scan.question.condition}"


def visual_scans(
    scan: Scan, video: VideoInfo, limit: int | None, resources: Resources, context: Context
) -> VisualScans:
    """What is to be planned for the predicate of `scan` in one of its videos."""
    assert scan.predicate is not None
    assert scan.model is not None
    check_name(video)
    network = resources.network(scan.model)
    content, index = resources.index(video, context.check)
    ordinals = frames_of_scan(scan, video.name, index)
    predicate = _in_pixels(scan, video, resources)
    rows = partial(index_rows, video.name, index)
    cases = cases_of(predicate, ordinals, rows)
    open_cases = sum(case.foregone is None for case in cases or ())
    if scan.accuracy.confidence is not None and open_cases > 1:
        cases = None  # a proof is about the condition as a whole, not about each case by itself
    varies = cases is None
    if cases is None:
        cases = (Case(predicate, ordinals),)
    asked = [case for case in cases if case.foregone is None]
    certain = [case.ordinals for case in cases if case.foregone]
    plans_are_shared = network.fingerprint is not None
    shares = (len(scan.video.members) or 1) * (len(asked) or 1)

    def key(case: Case) -> Hashable | None:
        fill = context.settings.fill
        model = network.fingerprint
        # Where columns are part of the question, column `time` may be.
        start_us = index.start_us if varies else None
        about = (content, model, case.condition, scan.accuracy.estimated, fill, start_us)
        return (*about, _digest(case.ordinals)) if plans_are_shared else None

    return VisualScans(
        index,
        np.sort(np.concatenate([np.empty(0, np.int64), *certain])),
        tuple(
            VisualScan(
                content=content,
                index=index,
                ordinals=case.ordinals,
                question=Question(case.condition, network.labels, rows if varies else None),
                accuracy=scan.accuracy.shared_by(shares),
                effort=scan.effort,
                network=network,
                labels=resources.labels(content, network),
                plan_key=key(case),
                # A proof and a limited effort are about all rows, whatever LIMIT takes of them.
                limit=None if scan.accuracy.confidence or scan.effort.limited else limit,
            )
            for case in asked
        ),
    )


def check_name(video: VideoInfo) -> None:
    """Raises VideoError where column `video` cannot hold the name of the video."""
    if printable(video.name) != video.name:
        raise VideoError(f"{video.name!r} has a name that is no valid UTF-8")


def _in_pixels(scan: Scan, video: VideoInfo, resources: Resources) -> Expression:
    """The predicate with its regions in pixels of this video."""
    assert scan.predicate is not None
    if not any(getattr(sight, "region", None) for sight in sights_of(scan.predicate)):
        return scan.predicate
    width, height = size = resources.size(video.path)
    if not scan.video.members:
        # The statement was checked with the size that the picture had then.
        if size != (video.width, video.height):
            raise VideoError(
                f"'{video.path}' has changed since the statement was checked: "
                f"it was {video.width}×{video.height}, and is {width}×{height} now",
                hint="con.sql() with the same statement finds the region anew",
            )
        return scan.predicate

    def fitted(part: Expression) -> Expression | None:
        if isinstance(part, Contains | Objects) and part.region is not None:
            return replace(part, region=region_in_pixels(part.region, *size))
        return None

    try:
        return rewritten(scan.predicate, fitted)
    except BindError as error:
        raise BindError(f"in '{video.name}', {error.message}") from error


def _digest(ordinals: NDArray[np.int64]) -> bytes:
    """Stands for the frames in a key."""
    return hashlib.sha256(ordinals.tobytes()).digest()
