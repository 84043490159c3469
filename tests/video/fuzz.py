"""Damages small clips at random and checks what is still read of them.

    python tests/video/fuzz.py --files 2000 --seed 0 --workers 2
    python tests/video/fuzz.py --only 123 --keep /tmp/broken.mkv

Every file is made from the seed and its number alone, and read in a child process, so that a crash
or a hang of libav is told apart from a failure of ours and belongs to one file.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import faulthandler
import itertools
import json
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from fuzz_cases import (
    Case,
    Listing,
    Sources,
    counted_rank,
    decoded,
    listing,
    make_case,
    make_sources,
    seen_or_none,
)
from reading import Seen

from vqe.errors import VideoError, VqeError
from vqe.video import decode_plan, decoder, reader
from vqe.video.decode_plan import DecodePlan
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame, FrameSet, KeyFrames, ReferenceFrames

SECONDS = 20.0
"""That a file may take."""

MEMORY = 6 * 2**30
"""That a child may ask for: a damaged header may claim any size of picture."""

INTACT = "intact frames are wrong:"
COUNTED = "intact frames are wrong, which were counted:"
"""The decoder dropped a frame in silence; where frames have no times, none can be missed."""

OPEN = "intact frames are wrong behind an open entry:"
"""What damage did to the decoder's list of references outlasts a key frame that does not clear it,
as one of H.264 with leading pictures; nothing is flagged."""

THREADS = "threads give other frames:"
"""A decoder may keep something of a damaged segment that no flush takes from it."""

RARE = (COUNTED, OPEN, THREADS)
"""Failures that FFmpeg keeps from us, but that must stay rare."""


@dataclass
class Outcome:
    """What became of a file: what is wrong, and how many frames of each kind there were."""

    failures: list[str] = field(default_factory=list)
    counts: collections.Counter[str] = field(default_factory=collections.Counter)

    def check(self, what: str, ok: bool, *details: object) -> None:
        if not ok and len(self.failures) < 5:
            self.failures.append(" ".join(map(str, (what, *details))))


@dataclass(frozen=True)
class Got:
    """What one reading gave."""

    frames: dict[int, Seen | None]
    lost: set[int]
    doubtful: set[int]
    error: str = ""

    @cached_property
    def sure(self) -> dict[int, Seen | None]:
        return {i: frame for i, frame in self.frames.items() if i not in self.doubtful}


def read(plan: DecodePlan, threads: int, outcome: Outcome) -> Got:
    """Reads the plan and checks that each frame is there or lost."""
    name = f"{plan.name} with {threads} threads:"
    this = Reader(threads=threads, batch_frames=8)
    order: list[int] = []
    frames: dict[int, Seen | None] = {}
    error = ""
    try:
        for batch in this.read(plan):
            order += batch.ordinals.tolist()
            shape = plan.index.height, plan.index.width
            for row, ordinal in enumerate(batch.ordinals.tolist()):
                outcome.check(name, batch.luma(row).shape == shape, "another size than", shape)
                frames[ordinal] = seen_or_none(batch.images[row])
            batch.thumbnails(8)
    except VideoError as raised:
        error = str(raised)
        outcome.counts["errors while reading"] += 1
    damage = this.report.damage
    lost, doubtful = set(damage.lost), set(damage.doubtful)
    ascending = all(a < b for a, b in itertools.pairwise(order))
    outcome.check(name, ascending, "out of order", order)
    if not error and plan.skip != "non-reference":
        wanted = set(plan.ordinals.tolist())
        told = sorted([*order, *damage.lost])
        outcome.check(name, told == sorted(wanted), "asked for", sorted(wanted), "got", told)
    outcome.check(name, doubtful <= set(order), "doubtful and not delivered")
    return Got(frames, lost, doubtful, error)


def examine(case: Case, path: Path) -> Outcome:
    """Reads a damaged file in several ways and checks what comes."""
    outcome = Outcome()
    path.write_bytes(case.content)
    damaged = listing(path)
    try:
        index = build_index(str(path))
    except VideoError:
        outcome.counts["files that cannot be opened"] += 1
        return outcome
    outcome.counts["files read"] += 1
    outcome.counts[f"index from {index.source}"] += 1
    outcome.counts["counted" if not index.timed else "timed"] += 1
    everything = np.arange(len(index))
    # Small segments are shared by threads; a long one, as this is called then, is left to those
    # of the codec.
    decode_plan.SEGMENT_FRAMES, reader.SEGMENT_FRAMES = case.rng.choice(((8, 100), (100, 4)))
    one = read(EveryFrame().plan(index, everything), 1, outcome)
    two = read(EveryFrame().plan(index, everything), 2, outcome)
    outcome.check(THREADS, set(one.frames) == set(two.frames), told(one, two))
    both_sure = one.sure.keys() & two.sure.keys()
    differing = sorted(i for i in both_sure if one.sure[i] != two.sure[i])
    outcome.check(THREADS, not differing, "pixels of", differing)
    some = sorted(case.rng.sample(range(len(index)), min(len(index), case.rng.choice((1, 5, 15)))))
    parts = [
        read(FrameSet().plan(index, np.array(some, np.int64)), 1, outcome),
        read(KeyFrames().plan(index, everything), 2, outcome),
        read(ReferenceFrames().plan(index, everything), 1, outcome),
    ]
    judge(case, path, index, damaged, one, [one, two, *parts], outcome)
    return outcome


def told(one: Got, two: Got) -> str:
    only_one, only_two = one.frames.keys() - two.frames, two.frames.keys() - one.frames
    return f"only one: {sorted(only_one)} {one.error}; only two: {sorted(only_two)} {two.error}"


def judge(
    case: Case,
    path: Path,
    index: VideoIndex,
    damaged: Listing | None,
    whole: Got,
    readings: list[Got],
    outcome: Outcome,
) -> None:
    """Compares with the clean file what should be as it was there."""
    if damaged is None:
        outcome.check("index", False, "a file that plain demuxing cannot open")
        return
    expected = expected_frames(case, path, index, damaged)
    for got in readings:
        wrong = {
            i: (got.sure[i] and got.sure[i].number, frame.number)
            for i, frame in expected.items()
            if i in got.sure and got.sure[i] != frame
        }
        kind = OPEN if case.source.path.name == "open.mkv" else INTACT
        outcome.check(kind if index.timed else COUNTED, not wrong, "(got, drawn)", wrong)
    counts = outcome.counts
    counts["intact"] += len(expected)
    counts["intact but lost"] += len(expected.keys() & whole.lost)
    counts["intact but doubtful"] += len(expected.keys() & whole.doubtful)
    counts["delivered"] += len(whole.frames)
    counts["lost"] += len(whole.lost)
    counts["doubtful"] += len(whole.doubtful)
    if not index.timed or damaged.stream != case.source.listing.stream:
        return
    packets = case.source.listing.packets
    clean = {p.pts: case.source.frames[i] for i, p in enumerate(packets)}
    for i, frame in whole.frames.items():
        right = clean.get(int(index.pts[i]))
        if right is None:
            continue
        counts["comparable"] += 1
        if frame != right:
            marked = i in whole.doubtful
            counts[f"wrong pixels, {'doubtful' if marked else 'unmarked'}"] += 1
            if not marked and (frame is None or frame.number != right.number):
                counts["wrong pixels, unmarked, number unreadable"] += 1
                counts[f"unmarked bad in {case.source.path.name}"] += 1
            if not marked:
                counts[f"unmarked in {case.source.path.name}"] += 1
                counts[f"unmarked by {case.damage.split(': ')[1]}"] += 1
        elif i in whole.doubtful:
            counts["right pixels, doubtful"] += 1


def expected_frames(case: Case, path: Path, index: VideoIndex, damaged: Listing) -> dict[int, Seen]:
    """The frames, by the ordinal that they should have, nothing of which was damaged."""
    intact = case.source.intact(damaged)
    frames = case.source.frames
    if index.timed:
        pts = (
            ranks_of_tables(case, path, damaged) if index.source == "tables" else damaged.shown_pts
        )
        rank = {time: i for i, time in enumerate(pts)}
        return {
            rank[packet.pts]: frames[number]
            for packet, number in zip(damaged.packets, intact, strict=True)
            if number is not None and packet.shown and packet.pts in rank
        }
    if damaged.avi:
        packets = damaged.packets
        return {
            counted_rank(packets, i): frames[number]
            for i, number in enumerate(intact)
            if number is not None and (i + 1 == len(packets) or intact[i + 1] is not None)
        }
    # Two frames have one time: they have no rank, and come as a plain loop gives them.
    drawn = {frame.crc: frame for frame in frames}
    return {i: f for i, (_, f) in enumerate(decoded(path)) if f and f.crc in drawn}


def ranks_of_tables(case: Case, path: Path, damaged: Listing) -> list[int]:
    """The times in the tables of an mp4: those that it has when it is long enough."""
    longer = path.with_suffix(".longer")
    longer.write_bytes(case.content + bytes(200_000))
    padded = listing(longer)
    longer.unlink()
    if padded is None or len(padded.packets) != damaged.entries:
        return []
    return padded.shown_pts


def child(folder: Path, seed: int, place: Path) -> None:
    """Examines the files whose numbers come on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    faulthandler.enable()
    sources = Sources(folder)
    for line in sys.stdin:
        number = int(line)
        faulthandler.dump_traceback_later(0.8 * SECONDS)
        case = make_case(sources, seed, number)
        path = place / f"{number}{case.source.path.suffix}"
        try:
            outcome = examine(case, path)
        except VqeError as error:
            outcome = Outcome([f"another error than VideoError: {error!r}"])
        except Exception:
            outcome = Outcome([traceback.format_exc()])
        path.unlink(missing_ok=True)
        failures = [f"{number} ({case.damage}): {failure}" for failure in outcome.failures]
        faulthandler.cancel_dump_traceback_later()
        print(json.dumps([failures, outcome.counts]), flush=True)


@dataclass
class Summary:
    """What became of all files."""

    files: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)
    counts: collections.Counter[str] = field(default_factory=collections.Counter)

    @property
    def hard(self) -> list[str]:
        """The failures that must not be."""
        return [failure for failure in self.failures if not any(rare in failure for rare in RARE)]

    def share(self, rare: str) -> float:
        """Of the files, those that failed in one of the ways that are rare."""
        failed = {failure.split()[0] for failure in self.failures if rare in failure}
        return len(failed) / self.files

    @property
    def unmarked_share(self) -> float:
        """Of the delivered frames with wrong pixels, those that are not called doubtful."""
        unmarked = self.counts["wrong pixels, unmarked"]
        return unmarked / max(1, unmarked + self.counts["wrong pixels, doubtful"])


class Child:
    """A process that examines one file after the other; replaced when it dies or hangs."""

    def __init__(self, folder: Path, seed: int, arguments: Iterable[str]) -> None:
        self.place = Path(tempfile.mkdtemp(dir=folder))
        self.command = [sys.executable, __file__, "--child", str(folder), "--seed", str(seed)]
        self.command += ["--place", str(self.place), *arguments]
        self.start()

    def start(self) -> None:
        self.errors = (self.place / "errors").open("w+b")
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
        )

    def examine(self, number: int) -> tuple[list[str], dict[str, int]]:
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{number}\n")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if selector.select(SECONDS) else None
        if line:
            failures, counts = json.loads(line)
            return failures, counts
        what = f"took more than {SECONDS} s" if line is None else "ended the process"
        if line is None:
            process.kill()
        code = process.wait()
        name = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self.errors.seek(0)
        tail = self.errors.read()[-3000:].decode(errors="replace")
        self.close()
        self.start()
        return [f"{number}: {what} ({name})\n{tail}"], {}

    def close(self) -> None:
        process = self.process
        for pipe in (process.stdin, process.stdout, self.errors):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        process.wait()


def fuzz(
    folder: Path,
    numbers: Iterable[int],
    *,
    seed: int = 0,
    workers: int = 2,
    arguments: Iterable[str] = (),
) -> Summary:
    """Examines the files with these numbers, made of clips that are kept in `folder`."""
    make_sources(folder)
    summary, lock, queue = Summary(), threading.Lock(), iter(list(numbers))
    began = time.monotonic()

    def work() -> None:
        process = Child(folder, seed, arguments)
        try:
            while True:
                with lock:
                    number = next(queue, None)
                if number is None:
                    return
                start = time.monotonic()
                failures, counts = process.examine(number)
                with lock:
                    summary.files += 1
                    summary.slowest = max(summary.slowest, time.monotonic() - start)
                    summary.failures += failures
                    summary.counts.update(counts)
        finally:
            process.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary.seconds = time.monotonic() - began
    return summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, help="examine the file with this number")
    parser.add_argument("--keep", type=Path, help="with --only: write the file there")
    parser.add_argument("--clips", type=Path, help="folder that keeps the clean clips")
    parser.add_argument("--err-detect", help="another value of FFmpeg's option err_detect")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.err_detect:
        set_err_detect(given.err_detect)
    if given.child:
        child(given.child, given.seed, given.place)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.clips or Path(temporary)
        folder.mkdir(exist_ok=True)
        if given.keep:
            make_sources(folder)
            case = make_case(Sources(folder), given.seed, given.only)
            given.keep.write_bytes(case.content)
            print(case.damage)
        numbers = range(given.files) if given.only is None else [given.only]
        arguments = ["--err-detect", given.err_detect] if given.err_detect else []
        summary = fuzz(folder, numbers, seed=given.seed, workers=given.workers, arguments=arguments)
    for failure in summary.failures:
        print("FAILURE", failure)
    for what, n in sorted(summary.counts.items()):
        print(f"{n:8d} {what}")
    print(
        f"{summary.files} files, {len(summary.failures)} failures, {summary.seconds:.0f} s, "
        f"slowest {summary.slowest:.1f} s; of the frames with wrong pixels "
        f"{summary.unmarked_share:.1%} are not marked"
    )
    sys.exit(bool(summary.failures))


def set_err_detect(value: str) -> None:
    """Makes all decoders look for errors in another way: for experiments."""
    plain = decoder.Decoder.__init__

    def init(self: decoder.Decoder, index: VideoIndex, container, *rest: object) -> None:
        container.streams.video[0].codec_context.options = {"err_detect": value}
        plain(self, index, container, *rest)

    decoder.Decoder.__init__ = init


if __name__ == "__main__":
    main()
