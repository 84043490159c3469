"""The results of `decode` as tables, and what was aimed at beside what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Results: TypeAlias = dict[str, Any]
Rows: TypeAlias = list[dict[str, str]]

ONE_THREAD, ONE_THREAD_QUIET = 0.85, 0.80
TWO_THREADS = 1.5
PREDICTED_WITHIN = 0.25
MEMORY_MB = 50
INDEX_SECONDS = {"tables": 3, "packets": 20}


def tables(results: Results) -> list[Rows]:
    """All tables, in the order of the page."""
    return [
        one_thread_rows(results),
        two_thread_rows(results),
        strategy_rows(results),
        random_rows(results),
        memory_rows(results),
        opening_rows(results),
    ]


def one_thread_rows(results: Results) -> Rows:
    """The reader and its block differences against a bare loop, each in one thread."""
    return [
        {
            "video": _title(stream),
            "frames": f"{stream['frames']:,}",
            "PyAV loop, frames/s": _rate(stream, "pyav"),
            "reader, frames/s": _rate(stream, "reader"),
            "ratio": _ratio(stream, "one"),
            "over the rounds": _over(stream["speed"]["ratios"]["one"]),
            "ratio of CPU time": f"{stream['speed']['ratios']['one']['cpu']:.2f}",
            "ratio with batches of 32": _ratio(stream, "one_large"),
            "same pixels": _of(stream["same"]["reader"], stream["same"]["frames"]),
        }
        for stream in results["streams"]
    ]


def two_thread_rows(results: Results) -> Rows:
    """The same with two threads, with the cores that were really used."""
    return [
        {
            "video": _title(stream),
            "two PyAV loops, frames/s": _rate(stream, "pyav_2"),
            "cores": _cores(stream, "pyav_2"),
            "reader with two threads, frames/s": _rate(stream, "reader_2"),
            "cores used": _cores(stream, "reader_2"),
            "ratio": _ratio(stream, "two"),
            "two threads ÷ one": _ratio(stream, "threads"),
            "over the rounds": _over(stream["speed"]["ratios"]["threads"]),
            "same pixels": _of(stream["same"]["reader_2"], stream["same"]["frames"]),
        }
        for stream in results["streams"]
    ]


def strategy_rows(results: Results) -> Rows:
    """What was predicted of each decode strategy, and what it took."""
    return [
        {
            "video": _title(stream),
            "strategy": row["name"],
            "frames asked for": f"{row['asked']:,}",
            "decoded, predicted": f"{row['predicted_decoded']:,.0f}",
            "decoded": f"{row['decoded']:,}",
            "seeks, predicted": f"{row['predicted_seeks']:,}",
            "seeks": f"{row['seeks']:,}",
            "CPU, predicted": f"{row['predicted_seconds']:.3f} s",
            "CPU": f"{row['seconds']['median']:.3f} s",
            "predicted ÷ measured": f"{_predicted(row):.2f}",
        }
        for stream in results["streams"]
        for row in stream["strategies"]["rows"]
    ]


def random_rows(results: Results) -> Rows:
    """Frames in random order: as a frame set, and one seek each."""
    return [
        {
            "video": _title(stream),
            "frames": f"{found['frames']:,}",
            "frame set": f"{found['together_seconds']['median']:.2f} s",
            "one by one": f"{found['one_by_one_seconds']['median']:.2f} s",
            "ratio": f"{found['ratio']['median']:.1f}",
            "same pixels": _of(found["same"], found["frames"]),
        }
        for stream in results["streams"]
        for found in [stream["at_random"]]
    ]


def memory_rows(results: Results) -> Rows:
    """Peak memory of processes that read a short and a long file."""
    return [
        {
            "two threads, 720p": _way(found["way"]),
            "video": f"{found['minutes']} minutes",
            "frames": f"{found['frames']:,}",
            "frames/s": f"{found['frames'] / found['seconds']:,.0f}",
            "peak memory, MB": f"{found['peak_mb']:.0f}",
        }
        for found in results["memory"]
    ]


def opening_rows(results: Results) -> Rows:
    """Time until something is there: the first frames, the index of a long file."""
    first = [
        {
            "file": f"{found['frames']:,} frames, mp4",
            "what": f"index and first {found['batch']} frames",
            "time": f"{found['seconds']['median']:.3f} s",
        }
        for found in results["first_batch"]
    ]
    indexes = [
        {
            "file": f"{found['frames']:,} frames, {found['container']}, {found['hours']:g} hours",
            "what": f"index from its {found['source']}, {found['index_mb']:.0f} MB",
            "time": f"{found['seconds']:.3f} s",
        }
        for found in results["index"]
    ]
    return first + indexes


def target_lines(results: Results) -> list[str]:
    """Each target, and where it was missed."""
    return [f"{name}: {_verdict(check(results))}" for name, check in TARGETS.items()]


def _verdict(checks: Iterator[tuple[str, float, bool]]) -> str:
    found = list(checks)
    missed = [f"{what} ({value:.2f})" for what, value, met in found if not met]
    if not missed:
        return f"met ({len(found)} of {len(found)})"
    return f"missed by {len(missed)} of {len(found)}: {', '.join(missed)}"


def _one_thread(results: Results) -> Iterator[tuple[str, float, bool]]:
    for stream in results["streams"]:
        ratio = stream["speed"]["ratios"]["one"]["median"]
        wanted = ONE_THREAD_QUIET if stream["quiet"] else ONE_THREAD
        yield _title(stream), ratio, ratio >= wanted


def _two_threads(results: Results) -> Iterator[tuple[str, float, bool]]:
    for stream in results["streams"]:
        ratio = stream["speed"]["ratios"]["threads"]["median"]
        yield _title(stream), ratio, ratio >= TWO_THREADS


def _predictions(results: Results) -> Iterator[tuple[str, float, bool]]:
    for stream in results["streams"]:
        for row in stream["strategies"]["rows"]:
            off = _predicted(row)
            met = 1 - PREDICTED_WITHIN <= off <= 1 + PREDICTED_WITHIN
            yield f"{_title(stream)}, {row['name']}", off, met


def _memory(results: Results) -> Iterator[tuple[str, float, bool]]:
    peaks: dict[str, list[float]] = {}
    for found in results["memory"]:
        peaks.setdefault(found["way"], []).append(found["peak_mb"])
    for way, (short, long) in peaks.items():
        yield _way(way), long - short, long - short < MEMORY_MB


def _indexes(results: Results) -> Iterator[tuple[str, float, bool]]:
    for found in results["index"]:
        met = found["seconds"] < INDEX_SECONDS[found["source"]]
        yield found["container"], found["seconds"], met


def _pixels(results: Results) -> Iterator[tuple[str, float, bool]]:
    for stream in results["streams"]:
        same, found = stream["same"], stream["at_random"]
        wanted = 2 * same["frames"] + same["sampled"] + found["frames"]
        share = (same["reader"] + same["reader_2"] + same["blocks"] + found["same"]) / wanted
        yield _title(stream), share, share == 1


TARGETS: dict[str, Callable[[Results], Iterator[tuple[str, float, bool]]]] = {
    f"One thread reads and compares at {ONE_THREAD} of the rate of a bare loop that does not "
    f"compare ({ONE_THREAD_QUIET:.2f} where footage is quiet)": _one_thread,
    f"Two threads read {TWO_THREADS} times as fast as one": _two_threads,
    f"CPU time is predicted within {PREDICTED_WITHIN:.0%}": _predictions,
    f"The longer file takes less than {MEMORY_MB} MB more": _memory,
    "The index takes less than "
    + " and ".join(f"{s} s from {source}" for source, s in INDEX_SECONDS.items()): _indexes,
    "Pixels and block differences are the same, however they are read": _pixels,
}
"""What is aimed at, with the places where it is checked: name, figure, whether it was met."""


def notes(results: Results) -> list[str]:
    """What the figures mean, and where they come from, one paragraph each."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {v}" for name, v in machine["versions"].items() if v)
    commit = (machine["commit"] or "unknown")[:10] + (" with changes" if machine["dirty"] else "")
    measuring = [stream["strategies"]["measuring_seconds"] for stream in results["streams"]]
    gated = [_title(s) for s in results["streams"] if s["strategies"]["gate"] is not None]
    on = f"on {', '.join(gated)}" if gated else "on none of them"
    left_out = [f"Left out: {reason}." for reason in results["left_out"]]
    return [
        *left_out,
        "Frame rates are those of the fastest round, ratios the median over the rounds. Cores are "
        "CPU seconds over seconds. CPU is what demuxer and decoder take in one thread; measuring "
        f"the costs took {min(measuring):.2f} to {max(measuring):.2f} s for each video. Of the "
        "refinement, every third interval between key frames is read. A packet gate, which decodes "
        "frames with large packets only, is made where the sizes of packets were seen to tell "
        f"changed frames from still ones: {on}.",
        f"{results['rounds']} rounds. "
        f"Machine: {machine['cores']} cores of {machine['cpu']}, shared with "
        f"other work and noisy (load average {results['load_before']:.1f} before, "
        f"{results['load_after']:.1f} after). {machine['date'][:10]}, commit {commit}, "
        f"seed {machine['seed']}, {versions}. "
        f"Made by `python -m benchmarks.run {results['benchmark']}`.",
    ]


def _title(stream: Results) -> str:
    return str(stream["name"])


def _way(name: str) -> str:
    return {"differences": "block differences", "batches": "batches of frames"}[name]


def _rate(stream: Results, way: str) -> str:
    return f"{stream['speed']['ways'][way]['frames_per_second']:,.0f}"


def _cores(stream: Results, way: str) -> str:
    return f"{stream['speed']['ways'][way]['cores']:.2f}"


def _ratio(stream: Results, name: str) -> str:
    return f"{stream['speed']['ratios'][name]['median']:.2f}"


def _over(spread: dict[str, float]) -> str:
    return f"{spread['low']:.2f}–{spread['high']:.2f}"


def _of(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}"


def _predicted(row: Results) -> float:
    """The predicted CPU time over the measured one."""
    return float(row["predicted_seconds"]) / max(float(row["seconds"]["median"]), 1e-9)
