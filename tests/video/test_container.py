"""What is a video and what is not."""

from __future__ import annotations

import av
import pytest
from clips import make_clip, make_sound
from reading import read_frames

from vqe.errors import VideoError, VideoNotFoundError
from vqe.video.container import video_size
from vqe.video.indexing import build_index


def test_what_is_no_video(tmp_path):
    with pytest.raises(VideoNotFoundError, match="no such file") as raised:
        build_index(str(tmp_path / "missing.mp4"))
    assert isinstance(raised.value, FileNotFoundError)
    with pytest.raises(VideoError, match="is a folder, not a video"):
        build_index(str(tmp_path))
    text = tmp_path / "notes.txt"
    text.write_text("not a video\n" * 100)
    with pytest.raises(VideoError, match=r"notes\.txt' is not a video that can be read"):
        build_index(str(text))
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    with pytest.raises(VideoError, match="is not a video that can be read"):
        build_index(str(empty))


def test_a_codec_that_nobody_knows(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10, size=(80, 48))
    clip.path.write_bytes(clip.path.read_bytes().replace(b"avc1", b"zzzz"))
    for function in (build_index, video_size):
        with pytest.raises(VideoError, match="encoded in a way that FFmpeg cannot decode"):
            function(str(clip.path))


def test_titles_in_another_encoding(tmp_path):
    """Latin-1, where FFmpeg says UTF-8."""
    clip = make_clip(tmp_path / "clip.mkv", 10, size=(80, 48))
    content = clip.path.read_bytes()
    assert b"Lavf" in content
    clip.path.write_bytes(content.replace(b"Lavf", b"L\xe4vf"))
    assert [frame.number for frame in read_frames(clip.path).values()] == list(range(10))


def test_a_file_with_sound_only(tmp_path):
    make_sound(tmp_path / "sound.m4a")
    for function in (build_index, video_size):
        with pytest.raises(VideoError, match="no video stream, only audio streams"):
            function(str(tmp_path / "sound.m4a"))


def test_a_video_stream_without_frames(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", 10, mux_options={"movflags": "faststart"})
    with av.open(str(clip.path)) as container:
        position = next(container.demux(video=0)).pos
    clip.path.write_bytes(clip.path.read_bytes()[:position])
    with pytest.raises(VideoError, match=r"clip\.mp4' has a video stream without frames"):
        build_index(str(clip.path))


def test_the_first_video_stream_is_read_and_sound_is_not(tmp_path):
    clip = make_clip(tmp_path / "sound.mp4", 30, audio=True)
    assert video_size(str(clip.path)) == (160, 120)
    frames = read_frames(clip.path)
    assert [frames[i].number for i in range(30)] == list(range(30))
