"""H.264 whose fields are pictures of their own (PAFF), which no encoder at hand writes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from clips import write_number

COLUMNS, ROWS, GOP = 5, 4, 8
"""Macroblocks of a frame, and frames from one IDR picture to the next."""

AUD, SPS, PPS, IDR, OTHER = 0x09, 0x67, 0x68, 0x65, 0x61
"""First bytes of NAL units (7.4.1 of the standard)."""

I_PCM, P_PCM = 25, 30
"""Types of a macroblock of plain samples, by the type of its slice (7.4.5)."""


def write_paff(path: Path, n: int, *, times_of: str = "frames") -> None:
    """A film of `n` frames that carry their number: raw H.264, or a transport stream.

    `times_of`: "frames", where the second field of each has no time, or "fields".
    """
    frames = [(_field(i, bottom=False), _field(i, bottom=True)) for i in range(n)]
    raw = path.with_suffix(".h264")
    raw.write_bytes(b"".join(first + second for first, second in frames))
    if raw == path:
        return
    with av.open(str(raw)) as container, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for i, (first, second) in enumerate(frames):
            # What is written as one, the demuxer takes apart: only its beginning has a time.
            parts = (first, second) if times_of == "fields" else (first + second,)
            for j, content in enumerate(parts):
                packet = av.Packet(content)
                packet.stream, packet.time_base = stream, Fraction(1, 50)
                packet.pts = packet.dts = 50 + 2 * i + j
                packet.is_keyframe = i % GOP == 0 and j == 0
                out.mux(packet)
    raw.unlink()


def _field(number: int, *, bottom: bool) -> bytes:
    """A field of frame `number` as an access unit of its own.

    The upper half, with the number, is plain samples; the lower one, which tells groups of pictures
    apart, is given at the IDR picture only, and copied by the fields that follow.
    """
    frame = np.full((16 * ROWS, 16 * COLUMNS), 50 + 9 * (number // GOP), np.int64)
    write_number(frame, number)
    rows, columns = ROWS // 2, COLUMNS
    field = frame[int(bottom) :: 2].astype(np.uint8)
    blocks = field.reshape(rows, 16, columns, 16).swapaxes(1, 2).reshape(-1, 256)
    idr = number % GOP == 0 and not bottom
    grey = bytes([128]) * 128
    first, kind = ue(0), ue(7 if idr else 5)  # of macroblocks, of slice
    header = first + kind + ue(0) + f"{number % GOP:04b}" + "1" + f"{int(bottom)}"
    header += ue(0) + "00" if idr else "000"  # idr_pic_id; as many references as usual
    header += ue(0)  # the quantizer
    # Samples begin at a whole byte, so only the first macroblock shares one with the header.
    macroblock = ue(I_PCM) if idr else ue(0) + ue(P_PCM)
    coded = blocks if idr else blocks[:columns]
    payload = packed(header + macroblock)
    payload += packed(macroblock).join(block.tobytes() + grey for block in coded)
    payload += packed(("" if idr else ue(len(blocks) - columns)) + "1")
    start = nal(AUD, b"\x10") + (_parameters() if idr else b"")
    return start + nal(IDR if idr else OTHER, payload)


def _parameters() -> bytes:
    """The sequence and picture parameter sets (7.3.2)."""
    sequence = [
        f"{77:08b}{0:08b}{30:08b}{ue(0)}",  # main profile, level 3
        ue(0) + ue(2),  # frame numbers of four bits; shown in the order of decoding
        ue(1) + "0",  # one reference frame
        ue(COLUMNS - 1) + ue(ROWS // 2 - 1),
        "00",  # not of frames only, and no fields within a frame
        "100",  # no cropping, nothing else to say
    ]
    picture = [ue(0) + ue(0), "00", ue(0), ue(0) + ue(0), "000", 3 * ue(0), "000"]
    return nal(SPS, packed("".join(sequence) + "1")) + nal(PPS, packed("".join(picture) + "1"))


def nal(header: int, payload: bytes) -> bytes:
    """A NAL unit in a byte stream; what looks like the beginning of one is broken up (7.4.1.1)."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return b"\0\0\0\1" + bytes([header]) + bytes(out)


def ue(value: int) -> str:
    """Bits of an unsigned number (9.1), or of a signed 0."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def packed(bits: str) -> bytes:
    """Bits as bytes, filled up with zeros."""
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
