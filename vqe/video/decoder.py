"""Decoding runs of packets, each frame under its own ordinal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import av
import numpy as np
from av.container import InputContainer

from vqe.video.container import video_stream
from vqe.video.decode_plan import DROP_PACKETS, DecodeWork, Run, Skip
from vqe.video.frames import Image
from vqe.video.index import VideoIndex
from vqe.video.packets import Packet

ALL: Final = "DEFAULT"
_REFERENCES: Final = "NONREF"


class Decoder:
    """An open stream that decodes one run after the other and counts what that takes.

    `decoded`: frames that left the decoder, wanted or not; `seconds`: CPU time, for its driver to
    add up; `damaged`: ordinals of frames that the decoder refused or could only guess at. `stopped`
    is asked at each packet.
    """

    def __init__(
        self,
        index: VideoIndex,
        container: InputContainer,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.index = index
        self.container = container
        self.stream = video_stream(container)
        self.context = self.stream.codec_context
        self.stopped = stopped
        self.decoded = 0
        self.seconds = 0.0
        self.damaged: list[int] = []
        self._read = self._keys = self._others = self._offered = self._seeks = 0
        self._packets = container.demux(self.stream)
        self._position = 0  # of the next packet, in decoding order
        self._held: Packet | None = None  # the next packet, where it was read too early
        self._by_dts = False  # how the container seeks

    @property
    def work(self) -> DecodeWork:
        """What was done so far."""
        return DecodeWork(self._read, self._keys, self._others, self._offered, self._seeks)

    def frames(self, run: Run, skip: Skip) -> Iterator[tuple[int, Image]]:
        """The frames of a run that can be decoded, in presentation order."""
        queue = Queue(self.index, run)
        if not 0 <= run.first - self._position <= DROP_PACKETS:
            self._seek(run.first)
        for packet in self._packets_of(run):
            if packet.is_keyframe:
                self._keys += 1
                self.context.skip_frame = ALL
            elif skip == "nothing" or (skip == "unwanted" and packet.pts in queue.ordinals):
                self._others += 1
                self.context.skip_frame = ALL
            else:
                self._offered += 1
                self.context.skip_frame = _REFERENCES
            if packet.is_corrupt:
                self._note_damage(packet.pts)
            yield from self._decode(packet, queue)
        yield from self._decode(None, queue)
        self.context.flush_buffers()

    def _decode(self, packet: Packet | None, queue: Queue) -> Iterator[tuple[int, Image]]:
        """What comes out when a packet goes in; None drains the decoder."""
        try:
            images = self.context.decode(packet)
        except av.error.FFmpegError:
            if packet is not None:
                self._note_damage(packet.pts)
            return
        self.decoded += len(images)
        for image in images:
            if image.is_corrupt:  # what the decoder made up for damaged bytes is no frame
                self._note_damage(image.pts)
            elif (ordinal := queue.take(image.pts, self._position)) is not None:
                yield ordinal, image

    def _note_damage(self, pts: int | None) -> None:
        ordinal = self._ordinal(pts)
        if ordinal >= 0:
            self.damaged.append(ordinal)

    def _packets_of(self, run: Run) -> Iterator[Packet]:
        """The packets of a run, and those that the container hides among them."""
        inside = run.first == 0
        while (packet := self._next()) is not None:
            rank = self._rank(packet)
            if rank is not None:
                if rank > run.last:  # the last packet of the run is missing
                    self._held = packet
                    return
                self._position = rank + 1
                inside = inside or rank >= run.first
            if inside:
                yield packet
            if rank == run.last:
                if self.index.paired:
                    yield from self._second_fields()
                return

    def _second_fields(self) -> Iterator[Packet]:
        """Packets that belong to the frame of the last one."""
        while (packet := self._next()) is not None:
            if self._rank(packet) is not None:
                self._held = packet
                return
            yield packet

    def _next(self) -> Packet | None:
        """The next packet of the file; None at its end, and once the work was stopped."""
        if self._held is not None:
            packet, self._held = self._held, None
            return packet
        while not self.stopped():
            try:
                packet = next(self._packets)
            except (StopIteration, av.error.FFmpegError, IndexError):  # PyAV: a late stream
                break
            if packet.size:  # AVI has empty packets, and PyAV ends with one
                self._read += 1
                return packet
        self._position = len(self.index)  # only a seek leads on from here
        return None

    def _rank(self, packet: Packet) -> int | None:
        """The packet's position in decoding order; None where it is not displayable."""
        if packet.is_discard:  # decoded for others' sake; its time may be that of a shown frame
            return None
        pts = packet.dts if packet.pts is None else packet.pts
        expected = self._position
        in_order = self.index.pts_decoded
        if expected < len(in_order) and in_order[expected] == pts:
            return expected
        ordinal = self._ordinal(pts)
        return None if ordinal < 0 else int(self.index.decode_rank[ordinal])

    def _ordinal(self, pts: int | None) -> int:
        """The frame with this pts; -1 where there is none."""
        if pts is None:
            return -1
        at = int(np.searchsorted(self.index.pts, pts))
        return at if at < len(self.index) and self.index.pts[at] == pts else -1

    def _seek(self, first: int) -> None:
        """Makes the packet at position `first`, or one before it, the next.

        Containers seek by presentation or by decoding time, some precisely and some not; what
        lands too late is tried again from further back, at last from the start.
        """
        failure: av.error.FFmpegError | None = None
        for i, moment in enumerate(self._moments(first)):
            try:
                self.container.seek(moment, stream=self.stream, any_frame=False, backward=True)
            except av.error.FFmpegError as error:
                failure = error
                continue
            failure = None
            self._packets = self.container.demux(self.stream)
            self._position, self._held = 0, None
            self._seeks += 1
            landed = self._landing(first)
            if landed is not None and landed <= first:
                self._position = landed
                if i == 1 and first > 0:
                    self._by_dts = not self._by_dts  # what worked is tried first from now on
                return
        if failure is not None:
            raise failure

    def _landing(self, first: int) -> int | None:
        """The position of the next displayable packet; from the start, that of any packet is 0."""
        while (packet := self._next()) is not None:
            rank = 0 if first == 0 else self._rank(packet)
            if rank is not None:
                self._held = packet
                return rank
        return None

    def _moments(self, first: int) -> Iterator[int]:
        """Times to seek to, in the stream's time base, nearest first."""
        index = self.index
        entry = int(np.searchsorted(index.entry_rank, first, side="right")) - 1
        back = 1
        if first > 0:
            ordinal = int(index.decode_order[first])
            times = int(index.pts[ordinal]), int(index.dts[ordinal])
            yield from times[::-1] if self._by_dts else times
        while entry - back > 0:
            yield int(index.dts[index.entries[entry - back]])
            back *= 2
        start = int(min(index.pts[0], index.dts.min()))
        yield start - 1
        yield start  # some refuse to go before it


class Queue:
    """The frames that a run is expected to give, in their order.

    A damaged stream may show a frame too early or too late, or twice; it is let through in its turn
    only.
    """

    def __init__(self, index: VideoIndex, run: Run) -> None:
        ordinals = run.ordinals.tolist()
        self.ordinals: dict[int, int] = dict(
            zip(index.pts[run.ordinals].tolist(), ordinals, strict=True)
        )
        # Position of the last packet that this frame and those before it need.
        needs = np.maximum.accumulate(index.decode_rank[run.ordinals]).tolist()
        self._needs: dict[int, int] = dict(zip(ordinals, needs, strict=True))
        self._last = -1

    def take(self, pts: int | None, position: int) -> int | None:
        """The ordinal of a frame that came out after the packets below `position` went in; None
        where it is not wanted, or not in turn."""
        ordinal = None if pts is None else self.ordinals.get(pts)
        if ordinal is None or ordinal <= self._last or self._needs[ordinal] >= position:
            return None
        self._last = ordinal
        return ordinal
