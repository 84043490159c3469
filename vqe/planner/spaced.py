"""LIMIT n GAP d for the videos of a scan: a search first, and what confirms the rows of a scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vqe.errors import AccuracyWarning, VideoError
from vqe.physical.answers import Answers, origin_of
from vqe.physical.damage import report_unreadable
from vqe.plan.catalog import printable
from vqe.plan.gap import Gap
from vqe.planner.allowance import Allowance, SpentError
from vqe.planner.calibration import keep_network_cost, known_network_cost
from vqe.planner.labeller import Labeller
from vqe.planner.seeking import Seeking
from vqe.planner.visual_scan import VisualScan
from vqe.planner.visual_scans import VisualScans
from vqe.runtime.context import Context
from vqe.runtime.warning import warn
from vqe.storage.store import Store


@dataclass(frozen=True)
class Found:
    """What a search has found in a video, and how many frames it asked about."""

    video: str
    visual: VisualScans
    answers: Answers
    labels: int


@dataclass
class SpacedSearch:
    """LIMIT `count` GAP `gap`; `ask` tells what a video is asked, by its name. Of a `pattern`, a
    video that cannot be read ends the query, or is skipped with a warning, as `on_damage` says."""

    count: int
    gap: Gap
    ask: Callable[[str], VisualScans]
    pattern: bool
    store: Store
    context: Context
    began: float
    asked: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """The frames that were labelled in search of the rows, ascending, by video."""
    _confirming: dict[str, list[tuple[VisualScan, Labeller]]] = field(default_factory=dict)

    def run(self, videos: list[str]) -> list[Found] | None:
        """All the rows, from one video after the other; None where not enough were found.

        Nor is there a search where the packet index takes the condition apart.
        """
        missing, found = self.count, []
        for video in videos:
            try:
                visual = self.ask(video)
                if len(visual.scans) != 1 or len(visual.certain):
                    return None
                found.append(self._found(video, visual, missing))
            except VideoError as error:
                if not self.pattern:
                    raise
                report_unreadable(printable(video), error, self.context)
                continue
            missing -= len(found[-1].answers.ordinals)
            if not missing:
                return found
        return None

    def _found(self, video: str, visual: VisualScans, missing: int) -> Found:
        """What is found in a video that is asked one question, `missing` rows at most."""
        (scan,) = visual.scans
        labeller = self._labeller(scan)
        with self.context.metrics.phase("labelling"):
            positions = Seeking(scan, missing, self.gap, labeller, self.context).run()
        keep_network_cost(scan, self.store, labeller.cost)
        fresh = self.asked[video] = np.sort(np.array(labeller.fresh, np.int64))
        ordinals = scan.ordinals[positions]
        answers = Answers(
            ordinals,
            np.ones(len(ordinals), np.bool_),
            labeller.marks(ordinals),
            origin_of(ordinals, fresh),
        )
        return Found(video, visual, answers, len(fresh))

    def confirm(self, video: str, ordinals: NDArray[np.int64]) -> NDArray[np.float32]:
        """The marks of frames that were not labelled so far, float32 (n,); NaN where the effort
        ends before them, and infinite where the packet index answered."""
        if video not in self._confirming:
            scans = self.ask(video).scans
            self._confirming[video] = [(scan, self._labeller(scan)) for scan in scans]
        marks = np.full(len(ordinals), np.inf, np.float32)
        for scan, labeller in self._confirming[video]:
            mine = np.isin(ordinals, scan.ordinals)
            try:
                labeller.read(scan.index, labeller.unknown(ordinals[mine]), "confirming")
            except SpentError:
                warn(
                    f"in '{video}': the effort ended before all rows were confirmed",
                    AccuracyWarning,
                )
            marks[mine] = labeller.marks_or_nan(ordinals[mine])
        return marks

    def _labeller(self, scan: VisualScan) -> Labeller:
        return Labeller(
            scan.network,
            scan.question,
            scan.labels,
            self.context,
            allowance=Allowance.of(scan.effort, self.context.metrics, self.began),
            expected=known_network_cost(scan, self.store),
        )
