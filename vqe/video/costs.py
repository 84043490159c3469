"""What decoding costs: seconds for each kind of work, measured on some groups of pictures."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from vqe.errors import VideoError
from vqe.video.container import open_video
from vqe.video.decode_plan import DecodeWork, Run, Skip
from vqe.video.decoder import Decoder, Queue
from vqe.video.frames import Image
from vqe.video.index import VideoIndex
from vqe.video.packets import Packet

SAMPLE_PACKETS = 256
"""At most so many packets are decoded, once with every frame and once with the references only."""

LEAST_PACKETS = 32
"""At least so many, however long they take."""

GROUPS = 8
"""Groups of pictures that they come from, spread over the video, each from its beginning."""

SAMPLE_SECONDS = 1.0
"""CPU time that the measurement may take, about."""

WARM_UP_PACKETS = 16
"""The first packets are decoded without being counted: caches are cold, and memory is new."""

HELD_FRAMES = 16
"""Frames kept for a while, so that the decoder writes into memory that is not in a cache. A batch
keeps twice as many; where frames are only passed on the way to others, none is kept. In quiet
footage that is a fifth of the time, and this is between the two."""


@dataclass(frozen=True)
class DecodeCosts:
    """CPU seconds of one thread, measured on this machine for this video; means over its frames.

    `packet`: demuxing a packet; `key`, `other`: decoding a key frame, another frame; `offered`: a
    packet of another frame that the decoder drops unless others refer to it; `reference_share`: the
    share of these that it does decode; `seek`: a jump, with emptying the decoder. `measured_on`:
    how many frames were decoded to find out.
    """

    packet: float
    key: float
    other: float
    offered: float
    reference_share: float
    seek: float
    measured_on: int = 0

    def seconds(self, work: DecodeWork) -> float:
        """CPU seconds that the work takes."""
        return (
            work.packets * self.packet
            + work.keys * self.key
            + work.others * self.other
            + work.offered * self.offered
            + work.seeks * self.seek
        )

    def frames_out(self, work: DecodeWork) -> float:
        """Frames that leave the decoder, wanted or not."""
        return work.keys + work.others + work.offered * self.reference_share


def measure(index: VideoIndex) -> DecodeCosts:
    """Decodes groups of pictures spread over the video, or its start where it cannot be cut.

    How long a packet takes grows with its size; the sample's times are carried over to the whole
    video by the sizes in the index. Raises VideoError where the file cannot be read.
    """
    # Where frames are counted none is ever skipped.
    skips = bool(index.timed and index.out_of_turn.any())
    try:
        with open_video(index.path) as container:
            stopwatch = _Stopwatch(index, container)
            runs = _sample(index, stopwatch.warm_up(), passes=1 + skips)
            everything = stopwatch.decode(runs, "nothing")
            references = stopwatch.decode(runs, "non-reference") if skips else None
    except av.error.FFmpegError as error:
        raise VideoError(f"'{index.path}' cannot be read ({error.strerror})") from error
    other = _mean(everything, index, key=False)
    return DecodeCosts(
        packet=everything.elsewhere / max(everything.work.packets, 1),
        key=_mean(everything, index, key=True),
        other=other,
        offered=other if references is None else _mean(references, index, key=False),
        reference_share=1.0 if references is None else references.reference_share,
        seek=everything.seeking / len(runs),
        measured_on=stopwatch.decoded,
    )


def _sample(index: VideoIndex, seconds_per_packet: float, passes: int) -> list[Run]:
    """The beginnings of groups of pictures, as many and as long as the time allows."""
    affordable = int(SAMPLE_SECONDS / passes / max(seconds_per_packet, 1e-9))
    packets = min(max(affordable, LEAST_PACKETS), SAMPLE_PACKETS)
    n_groups = min(GROUPS, packets // 8, len(index.entries))
    # The middle of each of n_groups equal parts.
    chosen = (2 * np.arange(n_groups) + 1) * len(index.entries) // (2 * n_groups)
    ends = np.append(index.entry_rank, len(index))
    return [
        _run(index, int(ends[group]), min(int(ends[group + 1]), int(ends[group]) + each))
        for group, each in zip(chosen, _shares(packets, n_groups), strict=True)
    ]


def _shares(total: int, n: int) -> list[int]:
    return [total * (i + 1) // n - total * i // n for i in range(n)]


def _run(index: VideoIndex, first: int, stop: int) -> Run:
    return Run(first, stop - 1, np.sort(index.decode_order[first:stop]))


class _Sample(NamedTuple):
    """A packet that was decoded."""

    key: bool
    size: int
    seconds: float


@dataclass(frozen=True)
class _Pass:
    """What decoding some runs took: seconds in seeks, in the decoder (`samples`), and elsewhere."""

    samples: Sequence[_Sample]
    work: DecodeWork
    decoded: int
    seeking: float
    elsewhere: float

    @property
    def reference_share(self) -> float:
        """The share of the offered packets that became frames."""
        return min((self.decoded - self.work.keys) / max(self.work.offered, 1), 1.0)


class _Stopwatch(Decoder):
    """A decoder with one thread, where a packet is decoded as it goes in, that takes the times."""

    def __init__(self, index: VideoIndex, container: InputContainer) -> None:
        # Where times are guessed no packet may be known as the last of its run.
        super().__init__(index, container, lambda: len(self.samples) >= self.most)
        self.samples: list[_Sample] = []
        self.most = 0
        self.seeking = 0.0

    def warm_up(self) -> float:
        """Seconds per packet at the start of the video."""
        start = _run(self.index, 0, min(WARM_UP_PACKETS, len(self.index)))
        done = self.decode([start], "nothing")
        total = done.elsewhere + sum(sample.seconds for sample in done.samples)
        return total / max(len(done.samples), 1)

    def decode(self, runs: Sequence[Run], skip: Skip) -> _Pass:
        """Decodes the runs, and forgets the frames."""
        self.samples, self.seeking = [], 0.0
        before, decoded = self.work, self.decoded
        held: deque[Image] = deque(maxlen=HELD_FRAMES)
        began = time.thread_time()
        for run in runs:
            self.most = len(self.samples) + run.last - run.first + 1
            held.extend(image for _, image in self.frames(run, skip))
        total = time.thread_time() - began
        decoding = sum(sample.seconds for sample in self.samples)
        return _Pass(
            samples=self.samples,
            work=self.work - before,
            decoded=self.decoded - decoded,
            seeking=self.seeking,
            elsewhere=max(total - decoding - self.seeking, 0.0),
        )

    def _decode(self, packet: Packet | None, queue: Queue) -> Iterator[tuple[int, Image]]:
        began = time.thread_time()
        found = list(super()._decode(packet, queue))
        seconds = time.thread_time() - began
        if packet is None:  # emptying the decoder is part of leaving
            self.seeking += seconds
        else:
            self.samples.append(_Sample(packet.is_keyframe, packet.size, seconds))
        yield from found

    def _seek(self, first: int) -> None:
        began = time.thread_time()
        super()._seek(first)
        self.seeking += time.thread_time() - began


def _mean(measured: _Pass, index: VideoIndex, *, key: bool) -> float:
    """Mean seconds to decode a frame of one kind, over the whole video."""
    # Where there are none, or none was found, they count as the others do.
    of_kind = [sample for sample in measured.samples if sample.key == key] or measured.samples
    if not of_kind:
        return 0.0
    size = np.array([sample.size for sample in of_kind])
    seconds = np.array([sample.seconds for sample in of_kind])
    all_sizes = index.size[index.keyframe == key]
    return carried_over(size, seconds, all_sizes if len(all_sizes) else size)


def carried_over(
    size: NDArray[np.int64], seconds: NDArray[np.float64], all_sizes: NDArray[np.int64]
) -> float:
    """Mean seconds of packets with `all_sizes` (bytes), after a sample: `seconds` for each `size`.

    The mean of the sample is moved along the line of seconds over bytes: the regression estimate of
    a mean (Cochran, Sampling Techniques, chapter 7). Neither a byte nor an empty packet is held to
    take less than nothing.
    """
    away = size - size.mean()
    spread = float(away @ away)
    if not spread:
        return float(seconds.mean())
    slope = float(np.clip(away @ seconds / spread, 0.0, seconds.mean() / size.mean()))
    return float(seconds.mean() + slope * (all_sizes.mean() - size.mean()))
