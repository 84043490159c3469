"""Streams that are put together, cut or written in ways that encoders do not think of."""

from __future__ import annotations

import os
import re
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType
from clips import Clip, Oracle, draw, make_clip, make_sound
from paff import packed, write_paff
from reading import Seen, index_of, read_frames, seen

import vqe
from vqe.errors import QueryCancelledError, VideoError
from vqe.video import decode_plan, indexing
from vqe.video.container import video_size
from vqe.video.damage import Damage
from vqe.video.indexing import build_index
from vqe.video.reader import Reader
from vqe.video.strategies import EveryFrame

SMALL = (80, 64)
GOP = 10


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    """Several for each thread."""
    monkeypatch.setattr(decode_plan, "SEGMENT_FRAMES", GOP)


def decoded(path: Path) -> list[Seen]:
    """What a plain loop over the whole file sees."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        return [seen(frame) for frame in container.decode(video=0)]


def read_in_threads(path: Path, threads: int) -> tuple[dict[int, Seen], Damage]:
    """All frames in order, and what was damaged."""
    index = index_of(path)
    reader = Reader(threads=threads, batch_frames=8)
    batches = reader.read(EveryFrame().plan(index, np.arange(len(index))))
    frames = {
        ordinal: seen(image)
        for batch in batches
        for ordinal, image in zip(batch.ordinals.tolist(), batch.images, strict=True)
    }
    assert list(frames) == sorted(frames)
    return frames, reader.report.damage


def numbers(frames: dict[int, Seen]) -> dict[int, int]:
    return {ordinal: frame.number for ordinal, frame in frames.items()}


def packets_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


# How far frames are reordered.


def deepening(path: Path, frames: int, plain: int) -> None:
    """A film whose first `plain` frames are I and P, and whose later ones a pyramid of B-frames;
    nothing in it says so.
    """
    params = "scenecut=0:b-adapt=0:b-pyramid=normal:bframes=3:ref=4:threads=1"
    clip = Clip(path, frames, 25, SMALL, (), ())
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p"
        context = stream.codec_context
        context.gop_size, context.time_base = GOP, Fraction(1, 25)
        context.options = {"preset": "veryfast", "crf": "20", "x264-params": params}
        for i, image in enumerate(draw(clip)):
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            picture.pts, picture.time_base = i, Fraction(1, 25)
            if i < plain:
                picture.pict_type = PictureType.P if i % GOP else PictureType.I
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with av.open(str(path)) as container:
        parameters = container.streams.video[0].codec_context.extradata
    # Up to the picture parameters: as Matroska has it, or as a byte stream.
    (sequence,) = re.findall(rb"\x67.+?(?=\x01\x00.\x68|\x00\x00\x00\x01)", parameters, re.DOTALL)
    path.write_bytes(path.read_bytes().replace(sequence, unrestricted(sequence)))


def unrestricted(sequence: bytes) -> bytes:
    """A sequence parameter set without its last part, bitstream_restriction, which tells that two
    frames are reordered and four kept (E.1.1). Zeros behind it count for nothing.
    """
    bits = "".join(f"{byte:08b}" for byte in sequence)
    motion = "0001[01]{3}"
    short, n = re.subn(f"1111{motion}{motion}0110010110*$", "01", bits)
    assert n == 1
    return packed(short.ljust(len(bits), "0"))


@pytest.mark.parametrize("name", ["clip.mkv", "clip.h264"])
def test_frames_reordered_further_than_before(tmp_path, name):
    """A decoder that guesses how far drops a frame when it finds out."""
    path = tmp_path / name
    deepening(path, 100, plain=40)
    assert len(decoded(path)) < 100
    for threads in (1, 2, 4):
        frames, damage = read_in_threads(path, threads)
        assert numbers(frames) == {i: i for i in range(100)}
        assert not damage
        assert frames == read_frames(path)


# Frames that are counted.


def drawn_in(path: Path) -> list[int]:
    """The number of the frame that each packet holds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        shown = []
        for i, packet in enumerate(container.demux(stream)):
            packet.pts = packet.dts = i if packet.size else None
            shown += [frame.pts for frame in packet.decode()]
    return np.argsort(shown).tolist()


def drop(path: Path, dropped: list[int]) -> None:
    """Takes packets out of raw H.264 or an AVI."""
    contents = [content for i, content in enumerate(packets_of(path)) if i not in dropped]
    if path.suffix == ".h264":
        path.write_bytes(b"".join(contents))
        return
    copy = path.with_suffix(".copy.avi")
    with av.open(str(path)) as container, av.open(str(copy), "w") as out:
        stream = out.add_stream_from_template(container.streams.video[0])
        for i, content in enumerate(contents):
            packet = av.Packet(content)
            packet.stream, packet.time_base, packet.dts = stream, Fraction(1, 25), i
            out.mux(packet)
    copy.replace(path)


@pytest.mark.parametrize("dropped", [[0], [*range(5)], [30]], ids=["first", "five", "key"])
@pytest.mark.parametrize("name", ["clip.h264", "clip.avi"])
def test_where_pictures_do_not_come_out_counting_ends(tmp_path, name, dropped):
    """No frame takes the ordinal of another: what follows is lost."""
    path = make_clip(tmp_path / name, 60, size=SMALL, fps=25, gop=GOP, b_frames=2).path
    clean = decoded(path)
    drop(path, dropped)
    for threads in (1, 2):
        frames, damage = read_in_threads(path, threads)
        # Those behind the missing key frame have come out, but shown in another order.
        assert frames == dict(enumerate(clean[: len(frames)]))
        assert dropped[0] - 3 <= len(frames) <= dropped[0]
        assert damage.lost == tuple(range(len(frames), 60 - len(dropped)))


@pytest.mark.parametrize("dropped", [31, 33, 34, 59], ids=["p", "b", "later-p", "last"])
@pytest.mark.parametrize("name", ["clip.h264", "clip.avi"])
def test_a_packet_that_the_decoder_does_not_miss(tmp_path, name, dropped):
    """FFmpeg makes up a picture for others to refer to. Theirs show remains, up to the next key
    frame, but each frame keeps its ordinal.
    """
    path = make_clip(tmp_path / name, 60, size=SMALL, fps=25, gop=GOP, b_frames=2).path
    clean, drawn = decoded(path), drawn_in(path)
    drop(path, [dropped])
    left = [number for number in range(60) if number != drawn[dropped]]
    unharmed = [i for i, number in enumerate(left) if number < 30 or number >= 40]
    for threads in (1, 2):
        frames, _ = read_in_threads(path, threads)
        assert [frames[i] for i in unharmed] == [clean[left[i]] for i in unharmed]


# Fields.


@pytest.mark.parametrize("times_of", ["frames", "fields"])
def test_fields_in_packets_of_their_own(tmp_path, times_of):
    path = tmp_path / "clip.ts"
    write_paff(path, 40, times_of=times_of)
    assert len(packets_of(path)) == 80
    expected, index = decoded(path), index_of(path)
    assert [frame.number for frame in expected] == list(range(40))
    assert (len(index), index.paired) == (40, True)
    assert np.diff(index.timestamps_us).tolist() == [40_000] * 39
    assert read_frames(index) == dict(enumerate(expected))
    for ordinals in ([0], [7], [8], [39], [3, 4, 20, 38]):
        assert read_frames(index, ordinals) == {i: expected[i] for i in ordinals}
    for threads in (1, 2):
        assert read_in_threads(path, threads) == (dict(enumerate(expected)), Damage())


@pytest.mark.parametrize("times_of", ["frames", "fields"])
@pytest.mark.parametrize("begins_with", [25, 60, 188])
def test_fields_of_a_recording_that_begins_in_their_midst(tmp_path, times_of, begins_with):
    """All that can be shown is, however many fields before the first key frame have a time."""
    path = tmp_path / "clip.ts"
    write_paff(path, 40, times_of=times_of)
    path.write_bytes(path.read_bytes()[188 * begins_with :])
    expected = decoded(path)
    assert [frame.number for frame in expected] == list(range(8, 40))
    assert list(read_frames(path).values()) == expected


def test_fields_without_times(tmp_path):
    """Nobody tells which packets belong together, and frames that are counted would be wrong."""
    path = tmp_path / "clip.h264"
    write_paff(path, 40)
    expected = decoded(path)
    assert [frame.number for frame in expected] == list(range(40))
    frames = read_frames(path)
    assert frames == {i: expected[i] for i in frames}


# Clocks.


@pytest.mark.parametrize(
    ("first_ms", "second_ms"),
    [(20_000, 5000), (5000, 90_000), (20_000, 20_017), (20_000, 19_017), (20_000, 20_000)],
    ids=["back", "forward", "interleaved", "overlapping", "again"],
)
@pytest.mark.parametrize("b_frames", [0, 2])
def test_recordings_one_after_the_other(tmp_path, b_frames, first_ms, second_ms):
    """Frames come in the order of the file, whatever its clock says."""
    path = tmp_path / "both.ts"
    options = {"size": SMALL, "fps": 25, "gop": GOP, "b_frames": b_frames}
    parts = [
        make_clip(tmp_path / "a.ts", 50, start_ms=first_ms, **options),
        make_clip(tmp_path / "b.ts", 40, start_ms=second_ms, **options),
    ]
    path.write_bytes(b"".join(part.path.read_bytes() for part in parts))
    expected = decoded(path)
    assert [frame.number for frame in expected] == [*range(50), *range(40)]
    index = index_of(path)
    assert (np.diff(index.timestamps_us) >= 0).all()
    assert read_frames(index) == dict(enumerate(expected))
    for ordinals in ([0], [49], [50], [30, 49, 50, 89]):
        assert read_frames(index, ordinals) == {i: expected[i] for i in ordinals}
    for threads in (1, 2):
        frames, damage = read_in_threads(path, threads)
        assert frames == dict(enumerate(expected))
        # Where the counter of its packets jumps, FFmpeg calls the last of the first file corrupt.
        assert damage.lost == ()
        assert set(damage.doubtful) <= {47, 48, 49}


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.asf", "mpeg4"),
        ("clip.asf", "libx264"),
        ("clip.wmv", "mpeg4"),
        ("clip.mxf", "mpeg2video"),
        ("clip.mxf", "libx264"),
        ("clip.mpg", "mpeg2video"),
    ],
)
def test_containers_that_guess_times(tmp_path, name, codec):
    """Some give the times of other frames where there are B-frames."""
    path = make_clip(tmp_path / name, 60, size=SMALL, fps=25, gop=GOP, b_frames=2, codec=codec).path
    expected = decoded(path)
    assert [frame.number for frame in expected] == list(range(60))
    for threads in (1, 2):
        assert read_in_threads(path, threads) == (dict(enumerate(expected)), Damage())
    for ordinals in ([0], [29], [30, 31], [3, 44, 59]):
        assert read_frames(path, ordinals) == {i: expected[i] for i in ordinals}


# Pictures of a cover.


def add_cover(path: Path) -> None:
    """Puts a picture before the tracks of an mp4 whose samples lie before its tables."""
    picture = av.VideoFrame.from_ndarray(np.zeros((48, 48, 3), np.uint8), format="rgb24")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 48, 48, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    jpeg = b"".join(map(bytes, encoder.encode(picture) + encoder.encode(None)))
    handler = box(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    items = box(b"ilst", box(b"covr", box(b"data", struct.pack(">II", 13, 0) + jpeg)))
    cover = box(b"udta", box(b"meta", bytes(4) + handler + items))
    content = path.read_bytes()
    tables = content.index(b"moov") - 4
    (header_size,) = struct.unpack_from(">I", content, tables + 8)
    (size,) = struct.unpack_from(">I", content, tables)
    assert content.index(b"mdat") < tables
    behind = tables + 8 + header_size
    inside = content[tables + 8 : behind] + cover + content[behind : tables + size]
    path.write_bytes(content[:tables] + box(b"moov", inside) + content[tables + size :])


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def test_a_cover_before_the_film(tmp_path):
    path = make_clip(tmp_path / "clip.mp4", 30, size=SMALL, b_frames=2).path
    expected = decoded(path)
    add_cover(path)
    with av.open(str(path)) as container:
        assert [stream.codec_context.name for stream in container.streams] == ["mjpeg", "h264"]
    index = index_of(path)
    assert (len(index), index.width, index.height) == (30, *SMALL)
    assert video_size(str(path)) == SMALL
    assert read_frames(index) == dict(enumerate(expected))


def test_a_cover_without_a_film(tmp_path):
    path = tmp_path / "sound.m4a"
    make_sound(path)
    add_cover(path)
    for function in (build_index, video_size):
        with pytest.raises(
            VideoError, match=r"sound\.m4a' has no video stream, only audio streams"
        ):
            function(str(path))


# Names.


@pytest.mark.parametrize(
    "name",
    [
        *("12:30:00.mp4", "cam/12:30:00.mp4", "./12:30:00.mp4", "C:cam.mp4"),
        *("concat:x.mp4", "file:x.mp4", "http://x.mp4", "-i.mp4", "pipe:.mp4", "data:,x.mp4"),
        *("a b.mp4", " .mp4", "100%.mp4", "%03d.mp4", "a#b.mp4", "a?b&c.mp4", "a'b.mp4", 'a"b.mp4'),
        *("a\\b.mp4", "[a].mp4", "a|b.mp4", "a\nb.mp4", "~a.mp4", "ü.mp4", "\N{FILM FRAMES}.mp4"),
    ],
)
def test_names_that_mean_something_to_others(tmp_path, monkeypatch, film, name):
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(film.read_bytes())
    for given in (name, str(tmp_path / name)):
        index = index_of(given)
        assert (index.path, len(index)) == (given, 10)
        assert numbers(read_frames(index)) == {i: i for i in range(10)}
        assert video_size(given) == SMALL


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "film.mp4", 10, size=SMALL).path


def test_a_name_that_is_no_utf8(tmp_path, film):
    """A file can be opened by it, but no column can hold it."""
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mp4")
    Path(path).write_bytes(film.read_bytes())
    with vqe.connect(device="cpu") as con:
        for sql in ("SELECT frame FROM $video", "SELECT video FROM $video LIMIT 1"):
            with pytest.raises(
                VideoError, match=r"\\udcff\.mp4' has a name that is no valid UTF-8"
            ):
                con.sql(sql, {"video": path})


# Indexing that is no longer wanted.


@pytest.mark.parametrize("name", ["clip.mkv", "clip.ts", "clip.avi", "clip.h264"])
def test_indexing_asks_at_each_packet_whether_to_go_on(tmp_path, name):
    path = make_clip(tmp_path / name, 60, size=SMALL, fps=25, b_frames=2).path
    asked = 0

    def check(most: int) -> None:
        nonlocal asked
        asked += 1
        if asked == most:
            raise QueryCancelledError("enough")

    assert len(build_index(str(path), lambda: check(1000))) == 60
    assert asked >= 60
    for most in (1, 20):
        asked = 0
        with pytest.raises(QueryCancelledError, match="enough"):
            build_index(str(path), lambda most=most: check(most))
        assert asked == most


@pytest.mark.parametrize("condition", ["keyframe", "contains('bus')"])
def test_a_query_that_is_cancelled_while_it_indexes(tmp_path, monkeypatch, condition):
    clip = make_clip(tmp_path / "clip.mkv", 60, size=SMALL)
    shows_in, seen_packets = indexing.shows_in, []

    def counting(container):
        shows = shows_in(container)

        def count(packet):
            seen_packets.append(packet.pts)
            if len(seen_packets) == 20:
                result.cancel()
            return shows(packet)

        return count

    monkeypatch.setattr(indexing, "shows_in", counting)
    with vqe.connect(device="cpu") as con:
        con.register_model("oracle", Oracle(clip))
        result = con.sql(f"SELECT frame FROM {clip.sql} WHERE {condition}")
        with pytest.raises(QueryCancelledError, match="was cancelled"):
            result.to_arrow_table()
    assert len(seen_packets) == 20


# Decoders after damage.


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_damage_leaves_no_traces_in_later_segments(tmp_path, threads):
    """Other parameters come in the place of a picture: a decoder would keep them to its end."""
    path = make_clip(tmp_path / "clip.mkv", 100, size=SMALL, gop=GOP).path
    clean, lost = decoded(path), packets_of(path)[23]
    with av.open(str(path)) as container:
        extradata = container.streams.video[0].codec_context.extradata
    at = extradata.index(b"\x68")
    parameters = bytearray(extradata[at : at + extradata[at - 1]])
    parameters[1] ^= 0x20  # how coefficients are coded
    units = [bytes(parameters), b"\x0c" + b"\xff" * (len(lost) - len(parameters) - 9)]
    changed = b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    path.write_bytes(path.read_bytes().replace(lost, changed))
    frames, damage = read_in_threads(path, threads)
    with pytest.raises(av.error.InvalidDataError):
        decoded(path)
    for ordinal in (*range(23), *range(30, 100)):
        assert frames[ordinal] == clean[ordinal]
    assert 23 in damage.lost
    assert {*damage.lost, *damage.doubtful} == set(range(23, 30))
    assert (frames, damage) == read_in_threads(path, 1)
