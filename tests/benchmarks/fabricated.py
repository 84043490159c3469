"""Results of the benchmark `noscope` that nobody measured, with the keys of real ones."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import PACKAGES

SPEEDS = {
    "reference": 2.0,
    "skipping": 20.0,
    "noscope": 8.0,
    "cold": 5.0,
    "again": 40.0,
    "other": 4,
    "frames": 3.0,
}
"""Of each system, in times real time."""
MISSED = {"skipping": 6, "noscope": 12, "cold": 1}
"""Of 100 positive units."""

KEY = "person-20min-10pc-720p-camera-0123abcd"


def noscope_results(**changes: Any) -> dict[str, Any]:
    """Those of one footage."""
    return {
        "benchmark": "noscope",
        "set": "default",
        "model": "onnx:a.onnx",
        "threads": 2,
        "accuracy": "FNR WITHIN 1% FDR WITHIN 1% PER INTERVAL '1 second'",
        "seed": 0,
        "machine": {
            "date": "2026-01-02T03:04:05+00:00",
            "commit": "0123456789abcdef",
            "dirty": False,
            "cpu": "Abacus",
            "cores": 2,
            "gpu": None,
            "versions": {"python": "3.11.1"} | dict.fromkeys(PACKAGES),
            "seed": 0,
        },
        "footages": [footage()],
    } | changes


def footage(key: str = KEY, **changes: Any) -> dict[str, Any]:
    """All that was found for a footage of 20 minutes, 1,200 seconds."""
    return {
        "footage": {
            "key": key,
            "scene": "person",
            "hours": 1 / 3,
            "presence": 0.1,
            "height": 720,
            "encoder": "camera",
            "burstiness": 0.5,
            "disturbances": {"jolts": 0, "exposure_steps": 1.5, "lights_off": 2},
            "noise": 2.0,
            "seed": 0,
            "width": 1280,
            "fps": 10.0,
            "frames": 12_000,
            "clip": "a.mp4",
            "label": "person",
        },
        "realised": {
            "presence": 0.103,
            "visits": 7,
            "runs": 9,
            "flicker": 0.012,
            "first_quarter": 0.25,
            "distinct_visits": 3,
            "background_seconds": 41.5,
        },
        "truth": {
            "source": "committed",
            "device": "NVIDIA H200",
            "blocks": 8,
            "frames": 32,
            "positives": 17,
            "largest_difference": 0.0012,
            "disagreements": 1,
            "seed": 12345,
        },
        "reference": {
            "stretch_frames": 256,
            "seconds_per_frame": 0.05,
            "call_seconds": 0.041,
            "in_memory_seconds": 0.04,
            "rounds": [0.05, 0.048, 0.06, 0.05],
        },
        "index_seconds": 0.123,
        "decoding": {"frames": 12_000, "seconds": 20.0, "rounds": [22.0, 20.0]},
        "load": {"before": 0.4, "after": 2.1},
        "systems": [system(name) for name in SPEEDS],
        "break_even": {"over_reference_hours": 0.05, "over_skipping_hours": None},
    } | changes


def system(name: str, **changes: Any) -> dict[str, Any]:
    """A system's results."""
    seconds = 1200 / SPEEDS[name]
    missed = MISSED.get(name, 0)
    counted = counts(missed, 0)
    charged = seconds / 2 if name in ("skipping", "noscope") else 0.0
    measured = "charged" if charged else "scaled" if name == "reference" else "measured"
    return {
        "system": name,
        "label": "chair" if name == "other" else "person",
        "min_score": None,
        "plan": f"plan of {name} | more",
        "measured": measured,
        "phases": {"labelling": seconds / 4, "scan": seconds * 3 / 4},
        "one_off": [] if name in ("reference", "skipping") else ["labelling"],
        "seconds": seconds,
        "charged": charged,
        "decoded": 12_000,
        "calls": 345,
        "errors": {
            "frame": counted,
            "second": counted,
            "window majority": counted,
            "window 28 of 30": counts(missed * 2, 9),
        },
        "in_memory_seconds": None if name in ("again", "other") else seconds / 2,
        "stages": [],
        "details": {"scanned_frames": 9_000} if name == "noscope" else {},
    } | changes


def counts(false_negatives: int, false_positives: int) -> dict[str, int]:
    """Of 100 positive units and 900 others."""
    return {
        "true_positives": 100 - false_negatives,
        "false_negatives": false_negatives,
        "false_positives": false_positives,
        "true_negatives": 900 - false_positives,
    }


NOTHING = {"true_positives": 0, "false_negatives": 0, "false_positives": 0, "true_negatives": 1000}
"""Units without the object, in which it was not found: no FNR, no FDR."""


OPEN = ("details", "phases", "stages")
"""What differs from system to system."""


def keys_of(results: Any) -> Any:
    """The keys of results, at every depth: equal for those with the same keys.

    What lists hold counts once for each kind, so that neither their length nor order matters.
    """
    match results:
        case dict():
            return {
                name: None if name in OPEN else keys_of(value)
                for name, value in sorted(results.items())
            }
        case list():
            kinds = {repr(keys): keys for keys in map(keys_of, results) if keys is not None}
            return [kinds[kind] for kind in sorted(kinds)]
        case _:
            return None
