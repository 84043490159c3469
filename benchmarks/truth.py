"""What the reference network sees in every frame of a footage, found out once and kept.

Truth belongs to pixels: it is kept with digests of the decoded frames. Before it is used, all of
them are decoded here and compared with their digests, and some are shown to the network again.
`python -m benchmarks.truth` makes the truth of all standard footage, best where there is a GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import zlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.data import full_spec, short_spec
from benchmarks.footage import Footage, make
from benchmarks.machine import processor
from benchmarks.moments import MODEL
from benchmarks.streams import FOLDER
from vqe.models.load import load_reference
from vqe.models.reference import ReferenceNetwork
from vqe.physical.stages import detect
from vqe.video.frames import FrameBatch
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import FrameSet

COMMITTED = Path(__file__).with_name("truth")
KEPT = FOLDER / "truth"

FLOOR = 0.1
"""Lower scores are left out, to keep the files small."""
STEPS = 10_000
"""Scores are kept in whole steps of 1 / STEPS, rounded down: thresholds of four places hold."""
BLOCK = 50
"""Frames that share a digest."""

SAMPLED_BLOCKS, SAMPLED_FRAMES = 10, 4
"""Half of the blocks have positive frames, as far as there are such; some frames of each are shown
to the network again."""
MOST_DIFFERENT = 0.05
"""Scores of the same network differ by less between devices: by rounding, not by opinion. GPUs
multiply with ten bits of mantissa (TF32), which has moved scores by up to 0.02."""
MOST_OTHERS = 0.05
"""Share of the frames shown that may get another answer, because they are near the threshold."""


class OtherPixelsError(Exception):
    """The frames are not those that the truth is about."""


@dataclass(frozen=True)
class Truth:
    """Labels of N frames by one model.

    `seen` has a row for each label in a frame: `frame` (int32), `label` (dictionary of strings) and
    the best `score` (uint16, in 1 / STEPS); `digests`: uint32, one for each BLOCK frames.
    """

    model: str
    fingerprint: str | None
    device: str
    min_score: float
    frames: int
    digests: NDArray[np.uint32]
    seen: pa.Table
    source: str = "made here"

    def scores(self, label: str) -> NDArray[np.float64]:
        """The best score of a label in each frame, float64 (N,), 0 below FLOOR."""
        names = self.seen["label"].combine_chunks().dictionary.to_pylist()
        scores = np.zeros(self.frames)
        if label in names:
            chosen = self.seen["label"].combine_chunks().indices.to_numpy() == names.index(label)
            frame = self.seen["frame"].to_numpy()[chosen]
            scores[frame] = self.seen["score"].to_numpy()[chosen] / STEPS
        return scores

    def present(self, label: str, min_score: float | None = None) -> NDArray[np.bool_]:
        """Whether contains(label, min_score) holds, bool (N,)."""
        least = self.min_score if min_score is None else min_score
        if least < FLOOR:
            raise ValueError(f"scores below {FLOOR} are not kept: {least} is too low")
        return self.scores(label) >= least

    def write(self, path: Path) -> None:
        """As Parquet."""
        about = {
            "model": self.model,
            "fingerprint": self.fingerprint,
            "device": self.device,
            "min_score": self.min_score,
            "frames": self.frames,
            "digests": self.digests.tobytes().hex(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        table = self.seen.replace_schema_metadata({"vqe": json.dumps(about)})
        part = path.with_suffix(".part")
        pq.write_table(table, part, compression="zstd", compression_level=19)
        part.replace(path)

    @staticmethod
    def read(path: Path, source: str) -> Truth:
        """What `write` wrote."""
        seen = pq.read_table(path)
        about = json.loads(seen.schema.metadata[b"vqe"])
        digests = np.frombuffer(bytes.fromhex(about.pop("digests")), np.uint32)
        return Truth(**about, digests=digests, seen=seen, source=source)


@dataclass(frozen=True)
class Check:
    """How the truth fared on a fresh sample: score differences and frames with another answer."""

    blocks: int
    frames: int
    positives: int
    largest_difference: float
    disagreements: int
    seed: int


def truth_path(footage: Footage, model: str, folder: Path) -> Path:
    """Where the truth of a footage by a model is kept."""
    return folder / f"{footage.key}-{Path(model.partition(':')[2]).stem}.parquet"


def truth_of(
    footage: Footage, index: VideoIndex, network: ReferenceNetwork, model: str, threads: int
) -> tuple[Truth, Check]:
    """The truth of a footage's video: the committed one or an earlier one, or else found out now.

    One that fails on a fresh sample of frames is not used.
    """
    kept = truth_path(footage, model, KEPT)
    for path, source in ((truth_path(footage, model, COMMITTED), "committed"), (kept, "kept")):
        if path.exists():
            truth = Truth.read(path, source)
            try:
                return truth, check(truth, index, network, footage.of.label)
            except OtherPixelsError as reason:
                print(f"{path.name} ({source}) is not used: {reason}", file=sys.stderr)
    truth = find_out(index, network, model, threads)
    truth.write(kept)
    return truth, check(truth, index, network, footage.of.label)


def find_out(index: VideoIndex, network: ReferenceNetwork, model: str, threads: int) -> Truth:
    """Shows every frame of a video to the network."""
    sums, rows = [], []
    labels = np.array(network.labels)
    clock, told = time.perf_counter(), 0.0
    for batch in _read(index, np.arange(len(index)), threads):
        sums.append(batch.sums)
        scores = _best_scores(network, batch.frames)
        row, label = np.nonzero(scores >= FLOOR)
        steps = np.floor(scores[row, label].astype(np.float64) * STEPS + 1e-3).astype(np.uint16)
        rows.append((batch.frames.ordinals[row].astype(np.int32), label.astype(np.int16), steps))
        seconds, done = time.perf_counter() - clock, int(batch.frames.ordinals[-1]) + 1
        if seconds > told + 30:
            told = seconds
            print(f"truth: {done:,} of {len(index):,} frames, {done / seconds:.0f}/s", flush=True)
    frame, label, score = (np.concatenate(column) for column in zip(*rows, strict=True))
    used, code = np.unique(label, return_inverse=True)
    spelt = pa.array(labels[used].tolist(), pa.string())
    names = pa.DictionaryArray.from_arrays(code.astype(np.int16), spelt)
    return Truth(
        model=model,
        fingerprint=network.fingerprint,
        device=processor(network.device),
        min_score=network.min_score,
        frames=len(index),
        digests=_block_digests(np.concatenate(sums)),
        seen=pa.table({"frame": frame, "label": names, "score": score}),
    )


def check(truth: Truth, index: VideoIndex, network: ReferenceNetwork, label: str) -> Check:
    """Compares all frames with their digests, and the network's answers with the truth on some.

    The sample shown to the network is a fresh one each time. Raises OtherPixelsError where any of
    it does not agree.
    """
    if truth.frames != len(index):
        raise OtherPixelsError(f"it is about {truth.frames:,} frames, not {len(index):,}")
    if truth.fingerprint != network.fingerprint:
        raise OtherPixelsError("it is about another network")
    seed = time.time_ns() % 2**32
    blocks = _sample(truth.present(label), np.random.default_rng(seed))
    sums, differences, others, shown, positives = [], [0.0], 0, 0, 0
    asked = network.labels.index(label)
    expected = np.stack([truth.scores(name) for name in network.labels], axis=1)
    for batch in _read(index, np.arange(len(index)), threads=2):
        sums.append(batch.sums)
        here = batch.frames.ordinals
        chosen = np.isin(here // BLOCK, blocks) & (here % (BLOCK // SAMPLED_FRAMES) == 0)
        frames = batch.frames.select(np.flatnonzero(chosen))
        if len(frames):
            shown += len(frames)
            scores, known = _best_scores(network, frames), expected[frames.ordinals]
            holds = [each[:, asked] >= truth.min_score for each in (scores, known)]
            others += int((holds[0] != holds[1]).sum())
            positives += int(holds[1].sum())
            apart = np.abs(np.maximum(scores, FLOOR) - np.maximum(known, FLOOR))
            differences.append(float(apart.max()))
    if not np.array_equal(_block_digests(np.concatenate(sums)), truth.digests):
        raise OtherPixelsError("the decoded frames are others; another encoder made this file")
    if max(differences) > MOST_DIFFERENT:
        raise OtherPixelsError(f"the network's scores differ by {max(differences):.3f}")
    if others > MOST_OTHERS * shown:
        raise OtherPixelsError(f"{others} of {shown} frames get another answer")
    return Check(len(blocks), shown, positives, max(differences), others, seed)


def _sample(present: NDArray[np.bool_], chance: np.random.Generator) -> NDArray[np.int64]:
    """Whole blocks, int64, ascending; half of them from those with positive frames."""
    whole = len(present) // BLOCK
    seen = np.flatnonzero(present[: whole * BLOCK].reshape(whole, BLOCK).any(axis=1))
    half = chance.choice(seen, min(SAMPLED_BLOCKS // 2, len(seen)), replace=False)
    others = np.setdiff1d(np.arange(whole), half)
    rest = chance.choice(others, min(SAMPLED_BLOCKS - len(half), len(others)), replace=False)
    return np.sort(np.concatenate([half, rest]).astype(np.int64))


@dataclass(frozen=True)
class _Summed:
    """Frames with the checksums of their planes, uint32 (n,)."""

    frames: FrameBatch
    sums: NDArray[np.uint32]

    @property
    def nbytes(self) -> int:
        return self.frames.nbytes


def _read(index: VideoIndex, ordinals: NDArray[np.int64], threads: int) -> Generator[_Summed]:
    reader = Reader(threads=threads)
    return reader.process(FrameSet().plan(index, ordinals), lambda: _summed)


def _summed(frames: FrameBatch) -> _Summed:
    sums = [zlib.crc32(image.to_ndarray(format="yuv420p").data) for image in frames.images]
    return _Summed(frames, np.array(sums, np.uint32))


def _block_digests(sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """One digest for each BLOCK checksums of frames; the last may cover fewer."""
    starts = range(0, len(sums), BLOCK)
    return np.array([zlib.crc32(sums[i : i + BLOCK].tobytes()) for i in starts], np.uint32)


def _best_scores(network: ReferenceNetwork, frames: FrameBatch) -> NDArray[np.float32]:
    seen = detect(network, frames)
    return np.stack([seen.best_score(label) for label in range(len(network.labels))], axis=1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the standard footages named, or all of them, and their truth, one after the other."""
    from benchmarks.noscope import standard

    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=main.__doc__)
    parser.add_argument("keys", nargs="*", metavar="KEY", help="beginnings of names of footage")
    parser.add_argument("--folder", type=Path, default=COMMITTED, help="write the truth here")
    options = parser.parse_args(arguments)
    network = load_reference(full_spec(MODEL))
    for footage in standard():
        if options.keys and not footage.key.startswith(tuple(options.keys)):
            continue
        clock = time.perf_counter()
        index = build_index(str(make(footage)), lambda: None)
        print(f"{footage.key}: made in {time.perf_counter() - clock:.0f} s", flush=True)
        clock = time.perf_counter()
        truth = find_out(index, network, short_spec(MODEL), threads=2)
        path = truth_path(footage, MODEL, options.folder)
        truth.write(path)
        summary: dict[str, Any] = {
            "seconds": round(time.perf_counter() - clock),
            "bytes": path.stat().st_size,
            "presence": round(float(truth.present(footage.of.label).mean()), 4),
            "other": round(
                float(truth.present(footage.of.other, footage.of.other_score).mean()), 4
            ),
        }
        print(f"{path.name}: {summary}", flush=True)


if __name__ == "__main__":
    main()
