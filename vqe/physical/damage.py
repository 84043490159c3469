"""What a query says about frames that could not be decoded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from vqe.errors import DamagedVideoError, DamagedVideoWarning, VideoError
from vqe.runtime.context import Context
from vqe.runtime.metrics import DamagedSpan, ScanMetrics, VideoDamage, spans_text
from vqe.runtime.warning import warn
from vqe.video.damage import Damage
from vqe.video.decode_plan import spans_of
from vqe.video.index import VideoIndex


def report_damage(
    video: str, index: VideoIndex, damage: Damage, metrics: ScanMetrics, context: Context
) -> None:
    """Notes the damage in the metrics, and warns unless `raise_damage` has an error to raise.

    Frames that are only doubtful have rows: they are worth a warning, never an error.
    """
    if not damage:
        return
    metrics.lost = _spans(index, damage.lost)
    metrics.doubtful = _spans(index, damage.doubtful)
    met = VideoDamage(video, metrics.lost, metrics.doubtful)
    if damage.lost and context.settings.on_damage == "raise":
        context.metrics.damage.append(met)
    else:
        warn(_told(met), DamagedVideoWarning)


def raise_damage(context: Context) -> None:
    """Raises DamagedVideoError where frames of some video were lost, and `on_damage` says so.

    Called behind the last row: operators that hold rows back must not lose them to the error.
    """
    videos = _by_video(context.metrics.damage)
    if not videos:
        return
    lost_in = {
        one.video: tuple((span.start_frame, span.stop_frame) for span in one.lost) for one in videos
    }
    raise DamagedVideoError(
        "\n".join(map(_told, videos)),
        lost_in=lost_in,
        hint="the rows of all other frames came before this error; to_arrow_table() leaves "
        "them in its attribute `table`; SET on_damage = 'skip' makes it a warning",
    )


def report_unreadable(video: str, error: VideoError, context: Context) -> None:
    """Raises the error, or notes and warns that a video was skipped, as `on_damage` says."""
    if context.settings.on_damage == "raise":
        raise error
    if video not in context.metrics.skipped:
        context.metrics.skipped[video] = error.message
        warn(f"skipped: {error.message}", DamagedVideoWarning)


def _told(damage: VideoDamage) -> str:
    parts = []
    if damage.lost:
        parts.append(f"{_frames(damage.lost)} cannot be decoded: {spans_text(damage.lost)}")
    if damage.doubtful:
        parts.append(
            f"{_frames(damage.doubtful)} may show remains of damaged ones: "
            f"{spans_text(damage.doubtful)}"
        )
    return f"in '{damage.video}', " + "; ".join(parts)


def _by_video(damage: list[VideoDamage]) -> list[VideoDamage]:
    """What several scans of a video have met, as one."""
    found: dict[str, VideoDamage] = {}
    for one in damage:
        met = found.get(one.video, VideoDamage(one.video))
        lost, doubtful = _joined(met.lost + one.lost), _joined(met.doubtful + one.doubtful)
        found[one.video] = VideoDamage(one.video, lost, doubtful)
    return list(found.values())


def _joined(spans: Iterable[DamagedSpan]) -> tuple[DamagedSpan, ...]:
    """The spans in order, those that touch as one."""
    joined: list[DamagedSpan] = []
    for span in sorted(spans, key=lambda span: span.start_frame):
        if not joined or joined[-1].stop_frame < span.start_frame:
            joined.append(span)
        elif joined[-1].stop_frame < span.stop_frame:
            longer = replace(joined[-1], stop_frame=span.stop_frame, stop_us=span.stop_us)
            joined[-1] = longer
    return tuple(joined)


def _frames(spans: tuple[DamagedSpan, ...]) -> str:
    n = sum(span.frames for span in spans)
    return "1 frame" if n == 1 else f"{n:,} frames"


def _spans(index: VideoIndex, ordinals: tuple[int, ...]) -> tuple[DamagedSpan, ...]:
    return tuple(
        DamagedSpan(start, stop, int(index.timestamps_us[start]), index.end_us(stop - 1))
        for start, stop in spans_of(np.array(ordinals, np.int64))
    )
