"""What a query says about frames that could not be decoded."""

from __future__ import annotations

import numpy as np

from vqe.errors import DamagedVideoError, DamagedVideoWarning, VideoError
from vqe.runtime.context import Context
from vqe.runtime.metrics import DamagedSpan, ScanMetrics, spans_text
from vqe.runtime.warning import warn
from vqe.video.damage import Damage
from vqe.video.decode_plan import spans_of
from vqe.video.index import VideoIndex


def report_damage(
    video: str, index: VideoIndex, damage: Damage, metrics: ScanMetrics, context: Context
) -> None:
    """Notes the damage in the metrics; raises or warns as `on_damage` says.

    Frames that are only doubtful have rows: they are worth a warning, never an error.
    """
    if not damage:
        return
    metrics.lost = _spans(index, damage.lost)
    metrics.doubtful = _spans(index, damage.doubtful)
    parts = []
    if damage.lost:
        parts.append(f"{_frames(damage.lost)} cannot be decoded: {spans_text(metrics.lost)}")
    if damage.doubtful:
        parts.append(
            f"{_frames(damage.doubtful)} may show remains of damaged ones: "
            f"{spans_text(metrics.doubtful)}"
        )
    message = f"in '{video}', " + "; ".join(parts)
    if damage.lost and context.settings.on_damage == "raise":
        raise DamagedVideoError(
            message,
            lost=tuple((span.start_frame, span.stop_frame) for span in metrics.lost),
            hint="the rows of all other frames came before this error; to_arrow_table() leaves "
            "them in its attribute `table`; SET on_damage = 'skip' makes it a warning",
        )
    warn(message, DamagedVideoWarning)


def report_unreadable(video: str, error: VideoError, context: Context) -> None:
    """Raises the error, or notes and warns that a video was skipped, as `on_damage` says."""
    if context.settings.on_damage == "raise" or isinstance(error, DamagedVideoError):
        raise error
    context.metrics.skipped[video] = error.message
    warn(f"skipped: {error.message}", DamagedVideoWarning)


def _frames(ordinals: tuple[int, ...]) -> str:
    return "1 frame" if len(ordinals) == 1 else f"{len(ordinals):,} frames"


def _spans(index: VideoIndex, ordinals: tuple[int, ...]) -> tuple[DamagedSpan, ...]:
    return tuple(
        DamagedSpan(start, stop, int(index.timestamps_us[start]), index.end_us(stop - 1))
        for start, stop in spans_of(np.array(ordinals, np.int64))
    )
