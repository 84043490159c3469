"""Which packets of a stream stand for a picture: most containers hold no others, some do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from av.container import InputContainer

from vqe.video.container import video_stream
from vqe.video.packets import Packet

Shows = Callable[[Packet], bool]
"""Whether a packet stands for a picture; to be asked in the order of the file."""


def shows_in(container: InputContainer) -> Shows:
    """The rule for the first video stream of a container."""
    context = video_stream(container).codec_context
    if container.format.name == "avi":
        if context.name == "mpeg4":
            return _Mpeg4InAvi(context.width, context.height).shows
        return lambda packet: packet.size > 1  # one byte or none says that the last picture stays
    if context.name == "vp8":
        # The frame header says so (RFC 6386, section 9.1): others refer to hidden pictures.
        return lambda packet: packet.size > 0 and bool(memoryview(packet)[0] & 0x10)
    return lambda packet: packet.size > 0


_PICTURE: Final = b"\0\0\1\xb6"
_SEQUENCE: Final = b"\0\0\1\xb0"
_PACKED: Final = re.compile(rb"DivX\d+[Bb]\d+p")
_P_PICTURE = 1


class _Mpeg4InAvi:
    """MPEG-4 part 2 as DivX and XviD put it into AVI.

    A packet may say that the last picture stays: one byte, or a P-picture that is not coded. In a
    packed stream, as its first packet is marked, a B-picture comes along with the picture that it
    needs, and a later packet, which may be such a placeholder, stands for it. Decoders keep one
    picture waiting at most, and drop it when a sequence begins anew.
    """

    def __init__(self, width: int, height: int) -> None:
        self.macroblocks = -(-width // 16) * -(-height // 16)
        self.packed: bool | None = None
        self.waiting = False  # whether a picture came along that no packet stands for yet

    def shows(self, packet: Packet) -> bool:
        """Whether this packet stands for a picture."""
        content = bytes(packet)
        if self.packed is None:
            self.packed = _PACKED.search(content) is not None
        pictures = content.count(_PICTURE)
        coded = pictures > 1 or self._is_coded(content)
        if content.startswith(_SEQUENCE):
            self.waiting = False
        shows = self.waiting or coded
        self.waiting = self.packed and (coded if self.waiting else pictures > 1)
        return shows

    def _is_coded(self, content: bytes) -> bool:
        """Whether a picture inside has content: a coded P-picture takes a bit or more for each
        macroblock. So does one whose header is damaged, which stands for a picture all the same.
        """
        at = content.find(_PICTURE)
        header = at + len(_PICTURE) if at >= 0 else 0
        if at >= 0 and (header >= len(content) or content[header] >> 6 != _P_PICTURE):
            return True
        return 8 * (len(content) - header) >= self.macroblocks
