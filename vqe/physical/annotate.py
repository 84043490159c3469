"""Columns that need the picture of a row: what the reference network sees there, or the picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vqe.detections import Detections, empty, overlaid
from vqe.errors import AccuracyWarning
from vqe.models.reference import ReferenceNetwork
from vqe.physical.damage import report_damage
from vqe.physical.operator import Operator
from vqe.physical.stages import detect
from vqe.plan.expressions import Contains, Detected, Objects, Picture, Sight
from vqe.runtime.context import Context
from vqe.runtime.metrics import ScanMetrics, StageMetrics
from vqe.runtime.warning import warn
from vqe.schema import DETECTIONS_TYPE
from vqe.storage.labels import LabelStore
from vqe.video.frames import FrameBatch, full_batches
from vqe.video.index import VideoIndex
from vqe.video.jpeg import encode_jpeg
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

ROWS = 512
"""Rows that are worked on at a time: with pictures in them, some hundred megabytes at most."""

FIRST_ROWS = 8
"""Of the first part, where no network says how many it sees at once. A filter and a LIMIT above may
need no more rows; each part is twice as large as the one before, as every one begins to decode at a
key frame."""


Affordable = Callable[[float | None], float]
"""How many frames the network may still be asked about, at so many seconds each, where known."""


@dataclass(frozen=True)
class Footage:
    """A video whose frames are looked at; `labels` has what its network, if any, has seen."""

    index: VideoIndex
    network: ReferenceNetwork | None
    labels: LabelStore


@dataclass(frozen=True, repr=False)
class AnnotateExec(Operator):
    """The rows of `child` with a column for each of `sights`.

    `footage` finds a video by the name that rows call it. Labels that are known are not asked for
    again, and frames are decoded once, for all columns. A frame that cannot be decoded has nulls,
    and so has one that the network may not be asked about any more.
    """

    columns: tuple[tuple[str, Sight], ...]
    child: Operator
    footage: Callable[[str], Footage] = field(compare=False)
    affordable: Affordable = field(compare=False)

    @property
    def schema(self) -> pa.Schema:
        fields = [pa.field(name, sight.type) for name, sight in self.columns]
        return pa.schema([*self.child.schema, *fields])

    def headline(self) -> str:
        return "Annotate " + ", ".join(str(sight) for _, sight in self.columns)

    def execute(self, context: Context) -> Generator[pa.RecordBatch]:
        annotator = Annotator(self.columns, self.footage, self.affordable, context)
        with closing(self.child.execute(context)) as batches:
            for batch in batches:
                yield from annotator.annotated(batch)
        annotator.report_damage()


class Annotator:
    """Looks at the frames of rows, and remembers the videos that it has met."""

    def __init__(
        self,
        columns: tuple[tuple[str, Sight], ...],
        footage: Callable[[str], Footage],
        affordable: Affordable,
        context: Context,
    ) -> None:
        self.context = context
        self.names = [name for name, _ in columns]
        self.sights = [sight for _, sight in columns]
        self._footage = footage
        self._affordable = affordable
        self._videos: dict[str, _Video] = {}
        self._next_rows: int | None = None

    def annotated(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """The rows with a column for each sight, a part after the other."""
        fields = zip(self.names, (sight.type for sight in self.sights), strict=True)
        schema = pa.schema([*rows.schema, *(pa.field(*field) for field in fields)])
        start = 0
        while start < rows.num_rows:
            part = rows.slice(start, self._part_rows(rows))
            start += part.num_rows
            columns = [*part.columns, *self._columns_of(part)]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    def _part_rows(self, rows: pa.RecordBatch) -> int:
        """How many rows to work on next: what the network sees at once, then ever more."""
        if self._next_rows is None:
            network = self._video(rows["video"][0].as_py()).footage.network
            self._next_rows = network.batch_size if network else FIRST_ROWS
        size = min(self._next_rows, ROWS)
        self._next_rows = 2 * size
        return size

    def _columns_of(self, rows: pa.RecordBatch) -> list[pa.Array]:
        """A column for each sight."""
        videos = rows["video"].to_numpy(zero_copy_only=False)
        frames = rows["frame"].to_numpy()
        parts: list[list[pa.Array]] = [[] for _ in self.sights]
        places = []
        for name in dict.fromkeys(videos.tolist()):
            place = np.flatnonzero(videos == name)
            ordinals, number = np.unique(frames[place], return_inverse=True)
            video = self._video(name)
            for part, column in zip(parts, video.look(ordinals, self.sights), strict=True):
                part.append(column.take(pa.array(number)))
            places.append(place)
        order = pa.array(np.argsort(np.concatenate(places), kind="stable"))
        return [pa.concat_arrays(part).take(order) for part in parts]

    def report_damage(self) -> None:
        """Notes or warns where a frame could not be decoded, as `on_damage` says."""
        for video in self._videos.values():
            video.report_damage()

    def _video(self, name: str) -> _Video:
        if name not in self._videos:
            self._videos[name] = _Video(name, self._footage(name), self._affordable, self.context)
        return self._videos[name]


class _Video:
    """One of the videos, with what looking at it took."""

    def __init__(
        self, name: str, footage: Footage, affordable: Affordable, context: Context
    ) -> None:
        self.affordable = affordable
        self.name = name
        self.footage = footage
        self.context = context
        asked = footage.network.name if footage.network else "pictures"
        stages = [StageMetrics(asked)]
        self.metrics = ScanMetrics(name, StageMetrics("decode"), stages, of_rows=True)
        context.metrics.scans.append(self.metrics)
        self._ended = False
        self._reader = Reader(threads=context.decode_threads, cancelled=context.cancelled.is_set)

    def look(self, ordinals: NDArray[np.int64], sights: list[Sight]) -> list[pa.Array]:
        """What the sights are for frames, int64, ascending, each once."""
        n = len(ordinals)
        network = self.footage.network
        known, seen = np.ones(n, np.bool_), empty(n)
        if network is not None and not all(isinstance(sight, Picture) for sight in sights):
            known, seen = self.footage.labels.of(ordinals)
        widths = [sight.width for sight in sights if isinstance(sight, Picture)]
        may_ask = self._within_effort(ordinals[~known])
        wanted = ordinals if widths else may_ask
        pictures: dict[int | None, list[bytes | None]] = {width: [None] * n for width in widths}
        parts = [seen]
        for frames in self._frames(wanted):
            at = np.searchsorted(ordinals, frames.ordinals)
            for row, place in enumerate(at.tolist()):
                for width, files in pictures.items():
                    files[place] = encode_jpeg(frames.rgb(row), width)
            unknown = np.flatnonzero(np.isin(frames.ordinals, may_ask))
            if network is not None and len(unknown):
                asked = self._detect(network, frames.select(unknown))
                parts.append(asked.placed(at[unknown], n))
                known[at[unknown]] = True
        labels = network.labels if network else ()
        seen = overlaid(parts)
        return [
            pa.array(pictures[sight.width], sight.type)
            if isinstance(sight, Picture)
            else _column(sight, seen, labels, missing=~known)
            for sight in sights
        ]

    def _within_effort(self, unknown: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the frames that the network may still be asked about."""
        if not len(unknown):
            return unknown
        asked = self.metrics.stages[0]
        most = self.affordable(asked.seconds / asked.frames_in if asked.frames_in else None)
        if most < len(unknown) and not self._ended:
            self._ended = True
            told = "the effort ended before all rows were looked at: the others have nulls"
            warn(f"in '{self.name}': {told}", AccuracyWarning)
        return unknown[: int(min(most, len(unknown)))]

    def _frames(self, ordinals: NDArray[np.int64]) -> Iterator[FrameBatch]:
        """The frames, decoded, as many at a time as the network can see at once."""
        if not len(ordinals):
            return
        network = self.footage.network
        plan = FrameSet().plan(self.footage.index, ordinals)
        with closing(self._reader.read(plan)) as batches:
            for frames in full_batches(batches, network.batch_size) if network else batches:
                self.context.check()
                yield frames
        self.context.check()
        self.metrics.decoding.frames_in = self._reader.report.decoded
        self.metrics.decoding.seconds = self._reader.report.seconds

    def report_damage(self) -> None:
        """Notes or warns where a frame could not be decoded."""
        damage = self._reader.report.damage
        report_damage(self.name, self.footage.index, damage, self.metrics, self.context)

    def _detect(self, network: ReferenceNetwork, frames: FrameBatch) -> Detections:
        clock = time.perf_counter()
        seen = detect(network, frames)
        n = len(frames)
        self.metrics.stages[0].add(n, n, time.perf_counter() - clock)
        self.context.metrics.labels_from_reference += len(frames)
        self.footage.labels.add(frames.ordinals, seen)
        return seen


def _column(
    sight: Contains | Objects | Detected,
    seen: Detections,
    labels: tuple[str, ...],
    missing: NDArray[np.bool_],
) -> pa.Array:
    """What a sight is for each frame; null where it is `missing`, bool (N,)."""
    label = None if sight.label is None else labels.index(sight.label)
    found = seen.matching(label, sight.min_score, sight.region)
    count = np.bincount(found.row, minlength=found.n_frames).astype(np.int64)
    if isinstance(sight, Contains):
        return pa.array(count > 0, mask=missing)
    if isinstance(sight, Objects):
        return pa.array(count, mask=missing)
    found = found.best_first()
    names = pa.DictionaryArray.from_arrays(pa.array(found.label), pa.array(labels, pa.string()))
    columns = [names.cast(pa.string()), pa.array(found.score), *map(pa.array, found.box.T)]
    fields = list(DETECTIONS_TYPE.value_type)
    objects = pa.StructArray.from_arrays(columns, fields=fields)
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    offsets = pa.array(starts, mask=np.append(missing, False))
    return pa.ListArray.from_arrays(offsets, objects, type=DETECTIONS_TYPE)
