"""Footage is drawn and encoded the same everywhere, as its parameters say."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Visit, make_clip

from benchmarks import drawing, footage, moments
from benchmarks.contact_sheet import COLUMNS, ROWS, chosen, write_sheet
from benchmarks.drawing import Clip, Drawing
from benchmarks.footage import Footage, make
from benchmarks.timeline import Disturbances
from vqe.video.indexing import build_index

FPS = 10


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A scene with a clip of our own: 200 frames, a bus from 80 to 120."""
    clip = make_clip(tmp_path / "clip.mp4", 200, fps=FPS, size=(128, 96), visits=[Visit(80, 120)])
    seen = {"frames": 200, "fps": "10", "positive": [[80, 120]], "clip": "clip.mp4"}
    monkeypatch.setitem(moments.SCENES, "own", moments.Scene("own", "clip.mp4", "bus", "cat", 0.1))
    monkeypatch.setattr(moments, "seen_in", lambda name: seen)
    monkeypatch.setattr(footage, "seen_in", lambda name: seen)
    monkeypatch.setattr(drawing, "clip_path", lambda name: clip.path)
    monkeypatch.setattr(footage, "FOLDER", tmp_path)
    moments.moments_of.cache_clear()
    yield "own"
    moments.moments_of.cache_clear()


def small(scene: str, **changes: object) -> Footage:
    return replace(Footage(scene, hours=1 / 60, presence=0.1, height=96), **changes)


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


@pytest.mark.parametrize("wrong", [{"scene": "none"}, {"presence": 0.6}, {"height": 99}])
def test_wrong_parameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}|scene"):
        replace(Footage("person", 1.0, 0.1), **wrong)


def test_every_parameter_is_in_the_key() -> None:
    one = Footage("person", 1.0, 0.1)
    others = [
        {"hours": 2.0},
        {"presence": 0.2},
        {"height": 360},
        {"encoder": "archive"},
        {"burstiness": 0.0},
        {"disturbances": Disturbances(jolts=1)},
        {"noise": 1.0},
        {"seed": 1},
        {"scene": "bus"},
    ]
    assert len({replace(one, **other).key for other in others} | {one.key}) == 1 + len(others)


def test_the_same_file_whatever_the_number_of_cores(
    scene: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(footage, "PIECE_GOPS", 2)
    files = []
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        files.append(make(small(scene), tmp_path / f"{cores}.mp4").read_bytes())
    assert files[0] == files[1]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "gop"), [("camera", 60), ("archive", 250)])
def test_it_is_encoded_as_its_source_would(
    scene: str, encoder: str, gop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footage, "PIECE_GOPS", 1)
    wanted = small(scene, encoder=encoder, hours=1 / 12)
    index = build_index(str(make(wanted)), lambda: None)
    assert len(index) == wanted.frames == 3000
    assert np.array_equal(np.flatnonzero(index.keyframe), np.arange(0, 3000, gop))
    assert np.array_equal(index.timestamps_us, np.arange(3000) * 1_000_000 // FPS)
    reordered = not np.array_equal(index.decode_order, np.arange(3000))
    assert reordered == (encoder == "archive")
    assert len(decoded(wanted.path)) == 3000


def test_a_camera_keeps_its_rate(scene: str) -> None:
    wanted = small(scene, hours=1 / 20, height=192)
    seconds = wanted.frames / FPS
    kilobits = make(wanted).stat().st_size * 8 / 1000 / seconds
    assert kilobits == pytest.approx(wanted.profile.kilobits, rel=0.15)


def test_pictures_are_the_clips_in_another_light_with_fresh_noise(scene: str) -> None:
    wanted = small(scene)
    clip = Clip(wanted.of, wanted.width, wanted.height)
    line = replace(wanted.timeline, light=np.full(wanted.frames, 0.9))
    rows = wanted.height
    quiet = list(Drawing(clip, line, 0.0, 0).pictures(0, 40))
    noisy = list(Drawing(clip, line, 2.0, 0).pictures(0, 40))
    for i, picture in enumerate(quiet):
        assert picture.shape == (rows * 3 // 2, wanted.width)
        if line.fading[i] < 0:
            luma = clip[int(line.source[i])][:rows].astype(float)
            expected = 16 + (luma - 16) * line.light[i]
            assert np.abs(picture[:rows] - expected).max() <= 1
    noise = [n[:rows].astype(int) - q[:rows] for n, q in zip(noisy, quiet, strict=True)]
    assert np.std(noise) == pytest.approx(2.0 * 1.15, rel=0.1)  # more of it in less light
    correlation = np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]
    assert abs(correlation) < 0.05


def test_pictures_do_not_depend_on_where_drawing_begins(scene: str) -> None:
    wanted = small(scene)
    pictures = Drawing(Clip(wanted.of, wanted.width, wanted.height), wanted.timeline, 2.0, 0)
    whole = list(pictures.pictures(0, 50))
    for i, picture in enumerate(pictures.pictures(30, 50), start=30):
        assert np.array_equal(picture, whole[i])


def test_fades_blend_two_moments(scene: str) -> None:
    wanted = small(scene)
    clip, line = Clip(wanted.of, wanted.width, wanted.height), wanted.timeline
    i = int(np.flatnonzero(line.fading >= 0)[1])
    (picture,) = Drawing(clip, replace(line, light=np.ones(len(line))), 0.0, 0).pictures(i, i + 1)
    new, old = (clip[int(number[i])].astype(float) for number in (line.source, line.fading))
    share = line.weight[i] / 256
    assert np.abs(picture - (share * new + (1 - share) * old)).max() <= 1


def test_a_jolt_moves_luma_and_chroma(scene: str) -> None:
    wanted = small(scene)
    clip, line = Clip(wanted.of, wanted.width, wanted.height), wanted.timeline
    line = replace(line, light=np.ones(len(line)))
    moved = replace(line, shift=np.full((len(line), 2), (4, -2)))
    (still,) = Drawing(clip, line, 0.0, 0).pictures(0, 1)
    (away,) = Drawing(clip, moved, 0.0, 0).pictures(0, 1)
    height, width = wanted.height, wanted.width
    assert np.array_equal(away[: height - 2, 4:], still[2:height, :-4])
    chroma = [each[height:].reshape(2, height // 2, width // 2) for each in (away, still)]
    assert np.array_equal(chroma[0][:, :-1, 2:], chroma[1][:, 1:, :-2])


@pytest.mark.slow
def test_the_contact_sheet_shows_visits_and_background(scene: str) -> None:
    wanted = small(scene)
    numbers = chosen(wanted)
    assert len(numbers) == COLUMNS * ROWS == len(set(numbers.tolist()))
    inside = [any(v.start <= n < v.stop for v in wanted.timeline.visits) for n in numbers]
    assert 0 < sum(inside) < len(numbers)
    sheet = write_sheet(wanted, make(wanted))
    assert sheet.suffix == ".png"
    assert sheet.stat().st_size > 50_000


def test_frames_per_second_may_be_a_fraction(scene: str, tmp_path: Path) -> None:
    seen = moments.seen_in(scene) | {"fps": "25/2"}
    assert moments.find_moments(np.zeros(10, np.bool_), Fraction(seen["fps"])).fps == 12.5
