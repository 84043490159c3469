"""Decoding files whose frames have no times of their own."""

from __future__ import annotations

from collections.abc import Iterator

import av

from vqe.video.decode_plan import Run, Skip
from vqe.video.decoder import ALL, Decoder
from vqe.video.displayable import shows_in
from vqe.video.frames import Image
from vqe.video.packets import Packet

MOST_REORDERED = 16
"""Frames that a decoder may hold back at most (H.264, A.3.1: sixteen in the picture buffer)."""


class CountingDecoder(Decoder):
    """For files whose frames have no times of their own: counts them as they come out.

    Always from the start. Each packet goes in under its number, so that a frame that does not come
    out is missed; nobody knows the order of those behind it, and counting ends there.
    """

    def frames(self, run: Run, skip: Skip) -> Iterator[tuple[int, Image]]:
        """The frames of a run up to the first damage; none is skipped, whatever `skip` allows."""
        wanted = set(run.ordinals.tolist())
        last = int(run.ordinals[-1])
        ordinal = -1
        for ordinal, image in enumerate(self._sure()):
            if ordinal in wanted:
                yield ordinal, image
            if ordinal == last:
                return
        self.damaged.append(min(ordinal + 1, last))

    def _sure(self) -> Iterator[Image]:
        """The frames as they leave the decoder, while none is missing before them."""
        held: list[Image] = []
        missing: set[int] = set()  # packets below `reached` whose frames did not come yet
        reached = 0
        for image in self._images():
            number = image.pts
            if image.is_corrupt or number is None or not (number >= reached or number in missing):
                return
            missing.discard(number)
            missing.update(range(reached, number))
            reached = max(reached, number + 1)
            held.append(image)
            if not missing:
                yield from held
                held.clear()
            elif len(held) > MOST_REORDERED:
                return

    def _images(self) -> Iterator[Image]:
        """The frames as they leave the decoder, up to a packet that it refuses; their pts are the
        numbers of the packets that stand for a picture."""
        if self._position:
            self._seek(0)
            self.context.flush_buffers()
        self._position = len(self.index)  # no longer at the start
        self.context.skip_frame = ALL
        shows = shows_in(self.container)
        number = 0
        try:
            while (packet := self._next()) is not None:
                shown = shows(packet) and not packet.is_discard
                packet.pts = packet.dts = number if shown else None
                number += shown
                self._keys += packet.is_keyframe
                self._others += not packet.is_keyframe
                yield from self._out(packet)
            yield from self._out(None)
        except av.error.FFmpegError:
            return

    def _out(self, packet: Packet | None) -> list[Image]:
        images = self.context.decode(packet)
        self.decoded += len(images)
        return images
