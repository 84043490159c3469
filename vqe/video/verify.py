"""Whether a list of packets is what a container delivers, checked at a few places."""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.container import InputContainer

from vqe.video.container import video_stream
from vqe.video.packets import NO_TIME, Packets

N_AT_START = 100
N_AT_PLACE = 30
N_PLACES = 8
LONGEST_READ = 1000
"""How many packets are read at a place, hidden ones included, to find those that are looked for."""

BEFORE_START = -(1 << 40)
"""A time before any packet."""

_Packet = tuple[int, int, int, bool]  # pts, dts, size, key


def agrees(packets: Packets, container: InputContainer, *, dts: bool = True) -> bool:
    """Whether the packets that a container really delivers are those listed.

    Checked at the start, at the end and at some places between. `container` has just been opened,
    and stands at its start afterwards. Packets that are missing because the file was cut are no
    disagreement, as long as there are some at its start. `dts`: whether those are compared too.
    """
    try:
        start = _read(container, N_AT_START)
        if not start or not _are_listed(packets, start, 0, dts=dts):
            return False
        return all(
            _agrees_at(packets, container, at) for at in _places(packets)
        ) and _agrees_at_end(packets, container)
    finally:
        _seek(container, BEFORE_START)


def _places(packets: Packets) -> list[int]:
    """Positions of key frames: some that are evenly spread, and the last."""
    keys = np.flatnonzero(packets.key)
    wanted = np.linspace(0, len(packets), N_PLACES + 2)[1:-1]
    spread = keys[np.searchsorted(keys, wanted, side="right") - 1] if len(keys) else keys
    return sorted({*spread.tolist(), *keys[-1:].tolist()})


def _agrees_at(packets: Packets, container: InputContainer, at: int) -> bool:
    """Whether what is read after a seek to the packet at a position is listed."""
    time = int(packets.dts[at] if packets.pts[at] == NO_TIME else packets.pts[at])
    if not _seek(container, time):
        return True
    found = _read(container, N_AT_PLACE)
    return not found or _are_listed(packets, found, _position(packets, found[0]))


def _agrees_at_end(packets: Packets, container: InputContainer) -> bool:
    """Whether the last packets are listed, and none after them."""
    at = max(0, len(packets) - N_AT_PLACE)
    time = int(packets.pts[at] if packets.dts[at] == NO_TIME else packets.dts[at])
    # To any packet: the last key frame may be far from the end.
    if not _seek(container, time, any_frame=True):
        return True
    found = _read(container, LONGEST_READ)
    return not found or _are_listed(packets, found, _position(packets, found[0]))


def _seek(container: InputContainer, time: int, *, any_frame: bool = False) -> bool:
    """Whether the container could be moved."""
    try:
        container.seek(time, stream=video_stream(container), any_frame=any_frame)
    except av.error.FFmpegError:
        return False
    return True


def _read(container: InputContainer, n: int) -> list[_Packet]:
    """The next `n` displayable packets, fewer where the file ends, fails or hides too many."""
    found: list[_Packet] = []
    try:
        for packet in _demux(container):
            found.append(packet)
            if len(found) == n:
                break
    except (av.error.FFmpegError, IndexError):  # PyAV: a stream that began late
        pass  # the file was cut
    return found


def _demux(container: InputContainer) -> Iterator[_Packet]:
    stream = video_stream(container)
    for n_read, packet in enumerate(container.demux(stream)):
        if packet.is_corrupt or n_read == LONGEST_READ:
            return  # cut in its middle
        if packet.size and not packet.is_discard:
            pts = NO_TIME if packet.pts is None else packet.pts
            dts = NO_TIME if packet.dts is None else packet.dts
            yield pts, dts, packet.size, packet.is_keyframe


def _position(packets: Packets, packet: _Packet) -> int:
    """Where the packet with that pts is listed, -1 where none is or several are."""
    at = np.flatnonzero(packets.pts == packet[0])
    return int(at[0]) if len(at) == 1 else -1


def _are_listed(packets: Packets, found: list[_Packet], at: int, *, dts: bool = False) -> bool:
    """Whether these packets, in this order, are those listed from a position on.

    After a seek, some containers do not tell dts.
    """
    if at < 0 or at + len(found) > len(packets):
        return False
    listed = slice(at, at + len(found))
    pts, read_dts, size, key = (np.array(column) for column in zip(*found, strict=True))
    return (
        np.array_equal(packets.pts[listed], pts)
        and np.array_equal(packets.size[listed], size)
        and np.array_equal(packets.key[listed], key)
        and (not dts or np.array_equal(packets.dts[listed], read_dts))
    )
