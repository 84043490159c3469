"""Pictures as JPEG."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import av
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

QUANTIZER: Final = 3
"""Of the codec's scale from 2, the best, to 31: hardly told from the original."""

FORMAT: Final = "yuvj420p"


def encode_jpeg(picture: NDArray[np.uint8], width: int | None = None) -> bytes:
    """The RGB picture, uint8 (H, W, 3), as a JPEG file, `width` pixels wide and as high as that
    makes it; None keeps the size."""
    height_given, width_given = picture.shape[:2]
    width = width or width_given
    height = max(round(height_given * width / width_given), 1)
    image = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        width=width, height=height, format=FORMAT, interpolation=Interpolation.AREA
    )
    codec = av.CodecContext.create("mjpeg", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width, height, FORMAT
    codec.time_base = image.time_base = Fraction(1)
    codec.qmin = codec.qmax = QUANTIZER
    image.pts = 0
    return b"".join(bytes(packet) for packet in [*codec.encode(image), *codec.encode(None)])
