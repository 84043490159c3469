"""The scan of a video: each question about it with its plan."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vqe.errors import AccuracyWarning
from vqe.physical.answered_scan import AnsweredScanExec
from vqe.physical.cascade_scan import CascadeScanExec
from vqe.physical.fill_scan import FillScanExec
from vqe.physical.index_scan import IndexScanExec
from vqe.physical.merge import MergeExec
from vqe.physical.operator import Operator
from vqe.physical.replan import ReplanExec
from vqe.physical.stages import ReferenceStage
from vqe.plan.catalog import VideoInfo
from vqe.plan.nodes import (
    Scan,
)
from vqe.planner.allowance import Allowance
from vqe.planner.cascade import decide
from vqe.planner.decision import Decision
from vqe.planner.patience import patience_of
from vqe.planner.resources import Resources
from vqe.planner.scanned_frames import frames_of_scan
from vqe.planner.visual_scan import VisualScan
from vqe.planner.visual_scans import VisualScans, check_name, visual_scans
from vqe.runtime.context import Context
from vqe.runtime.warning import warn
from vqe.video.reader import BATCH_FRAMES


class ScanPlanner:
    """Plans the scans of one query.

    `decisions`: what was decided for each visual scan, by its title; `asked`: frames that were
    labelled before the scan of their video is planned, int64, ascending, by video; `worked_out`:
    what is known by then to be planned for its rows, all of them, by video; `began`: when the query
    did, by the clock.
    """

    def __init__(self, resources: Resources, context: Context) -> None:
        self.resources = resources
        self.context = context
        self.decisions: dict[str, Decision] = {}
        self.asked: dict[str, NDArray[np.int64]] = {}
        self.worked_out: dict[str, VisualScans] = {}
        self.began = time.perf_counter()

    def scan(self, scan: Scan, video: VideoInfo, limit: int | None, share: float = 1) -> Operator:
        """The scan of one video, for which a `share` of what is left of the effort is meant."""
        check_name(video)
        if scan.predicate is None:
            with self.context.metrics.phase("index"):
                _, index = self.resources.index(video, self.context.check)
                ordinals = frames_of_scan(scan, video.name, index)
                return IndexScanExec(video.name, index, ordinals, scan.columns)
        with self.context.metrics.phase("index"):
            visual = self.worked_out.get(video.name) if limit is None else None
            if visual is None:
                visual = visual_scans(scan, video, limit, self.resources, self.context)
        n = len(visual.scans)
        from_index = len(visual.certain) > 0 or n == 0
        columns = scan.columns
        if n + from_index > 1 and "frame" not in columns:
            columns = (*columns, "frame")  # which they are merged by
        scans: list[Operator] = [
            self._visual(
                one, video.name, title, limit=limit, share=share / (n - i), columns=columns
            )
            for i, (one, title) in enumerate(
                zip(visual.scans, visual.titles(video.name), strict=True)
            )
        ]
        if from_index:
            scans.append(IndexScanExec(video.name, visual.index, visual.certain, columns))
        if len(scans) == 1:
            return scans[0]
        frames = [one.ordinals for one in visual.scans] + [visual.certain] * from_index
        first = tuple(int(ordinals[0]) for ordinals in frames)
        return MergeExec(tuple(scans), first, scan.columns)

    def _visual(
        self,
        visual: VisualScan,
        video: str,
        title: str,
        *,
        limit: int | None,
        share: float,
        columns: tuple[str, ...],
    ) -> Operator:
        allowance = Allowance.of(visual.effort, self.context.metrics, self.began).part(share)
        decision, fresh = decide(visual, self.resources.store, self.context, allowance)
        if video in self.asked:
            fresh = np.union1d(fresh, self.asked[video])
        self.decisions[title] = decision
        if decision.shortfall is not None:
            warn(f"in '{title}': {decision.shortfall}", AccuracyWarning)
        if decision.answers is not None:
            found = "as proved" if decision.certificate else "as far as the limits went"
            return AnsweredScanExec(video, visual.index, decision.answers, found, title, columns)
        if decision.fill is not None:
            return FillScanExec(
                video=video,
                title=title,
                index=visual.index,
                ordinals=visual.ordinals,
                question=visual.question,
                labels=visual.labels,
                fresh=fresh,
                fill=decision.fill,
                columns=columns,
            )
        return self._cascade(
            visual, decision, fresh, video, title, limit=limit, share=share, columns=columns
        )

    def _cascade(
        self,
        visual: VisualScan,
        decision: Decision,
        fresh: NDArray[np.int64],
        video: str,
        title: str,
        *,
        limit: int | None,
        share: float,
        columns: tuple[str, ...],
    ) -> Operator:
        """The scan by a cascade, and the frames for which it is given up by a plan of their own."""
        # An open LIMIT should not pay for more of the network's answers than one call gives.
        asks_all = limit is not None and not decision.cascade
        part = visual.before(decision.until)
        scan = CascadeScanExec(
            video=video,
            title=title,
            index=visual.index,
            ordinals=part.ordinals,
            question=visual.question,
            stages=decision.stages,
            link=decision.link,
            reference=ReferenceStage(visual.network, visual.question, visual.labels),
            labels=visual.labels,
            fresh=fresh,
            decoding=part.decoding(self.resources.store).strategy,
            batch_frames=min(visual.network.batch_size, BATCH_FRAMES) if asks_all else BATCH_FRAMES,
            watch=decision.watch if self.context.settings.drift else None,
            patience=patience_of(visual, decision),
            columns=columns,
        )
        if decision.until is None and (scan.watch is None or scan.patience is None):
            return scan

        def rest(frame: int) -> Operator:
            self.asked[video] = fresh
            given_up = replace(decision, until=frame)
            self.decisions[title] = given_up
            if visual.key is not None:
                self.resources.store.plans.keep(visual.key, given_up)
            return self._visual(
                visual.planned_anew(frame),
                video,
                f"{title} from frame {frame}",
                limit=None,
                share=share,
                columns=columns,
            )

        return ReplanExec(scan, rest, decision.until)
