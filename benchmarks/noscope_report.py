"""The results of `noscope` as tables: speed, where the time went, errors, NoScope's own timer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.noscope_results import names, runs, video_seconds
from benchmarks.systems import SYSTEMS
from benchmarks.tables import ABSENT, Results, Rows, machine_name, made_with, rates
from vqe.statistics.units import ErrorCounts

READINGS = {"majority": "window majority", "28 of 30": "window 28 of 30"}
"""Of NoScope's windows, with their names in the results."""
LEAST_EXPLAINED_SECONDS = 1.0
"""Less is noise."""
BASELINES = {
    "over_reference_hours": ("reference", "the reference network on every frame"),
    "over_skipping_hours": ("skipping", "frame skipping"),
}
"""What vqe may beat, by the name of the length from which on it does."""


def tables(results: Results) -> list[Rows]:
    """All tables that have rows, in the order of the page."""
    every = (
        footage_rows(results),
        content_rows(results),
        speed_rows(results),
        phase_rows(results),
        error_rows(results),
        window_rows(results),
        ceiling_rows(results),
        timer_rows(results),
    )
    return [rows for rows in every if rows]


def footage_rows(results: Results) -> Rows:
    """The videos, and how long it takes to decode them."""
    return [
        {
            "footage": name,
            "object": f"{footage['label']} in {footage['clip']}",
            "length": f"{video_seconds(found) / 60:,.0f} min",
            "frames": f"{footage['frames']:,}",
            "a second": f"{footage['fps']:g}",
            "disturbances": _disturbances(footage["disturbances"]),
            "decoding alone": _seconds(found["decoding"]["seconds"]),
        }
        for found, name in _named(results)
        for footage in [found["footage"]]
    ]


def content_rows(results: Results) -> Rows:
    """What is to be seen in them, and how much material that is made of."""
    return [
        {
            "footage": name,
            "present": f"{realised['presence']:.1%}",
            "in the first quarter": f"{realised['first_quarter']:.1%}",
            "visits": f"{realised['visits']:,}",
            "distinct visits": f"{realised['distinct_visits']:,}",
            "distinct background": _seconds(realised["background_seconds"]),
            "flicker": f"{realised['flicker']:.1%}",
        }
        for found, name in _named(results)
        for realised in [found["realised"]]
    ]


def speed_rows(results: Results) -> Rows:
    """What each system cost, against the video, the reference network and bare decoding."""
    return [
        {
            "footage": name,
            "system": _label(system, found),
            "time": _seconds(system["seconds"]),
            "× real time": _times(video_seconds(found) / system["seconds"]),
            "× reference": _ratio(_reference_seconds(found), system["seconds"]),
            "÷ decoding": _times(system["seconds"] / found["decoding"]["seconds"]),
            "decoded": f"{system['decoded']:,}",
            "to the reference": f"{system['calls']:,}",
            "how measured": _how(system),
        }
        for found, name, system in _systems(results)
    ]


def phase_rows(results: Results) -> Rows:
    """Where the seconds went, in their order."""
    return [
        {
            "footage": name,
            "system": _label(system, found),
            "seconds by phase": ", ".join(
                f"{phase} {seconds:,.1f}" for phase, seconds in system["phases"].items()
            ),
            "of them one-off": ", ".join(system["one_off"]) or ABSENT,
        }
        for found, name, system in _systems(results)
    ]


def error_rows(results: Results) -> Rows:
    """Errors against the reference network, which has none itself, per second and per frame."""
    return [
        {
            "footage": name,
            "system": _label(system, found),
            **{f"{rate} per second": text for rate, text in second.items()},
            **{f"{rate} per frame": frame[rate] for rate in ("FNR", "FPR")},
        }
        for found, name, system in _systems(results)
        if system["system"] != "reference"
        for second, frame in [[_rates(system, unit) for unit in ("second", "frame")]]
    ]


def window_rows(results: Results) -> Rows:
    """The same errors, counted as NoScope counts them."""
    return [
        {
            "footage": name,
            "system": _label(system, found),
            **{
                f"{rate}, {reading}": _rates(system, unit)[rate]
                for reading, unit in READINGS.items()
                for rate in ("FNR", "FPR")
            },
        }
        for found, name, system in _systems(results)
        if system["system"] != "reference"
    ]


def ceiling_rows(results: Results) -> Rows:
    """How much of vqe's time its stages explain, and how near its predictions came."""
    rows = []
    for found, name, system in _systems(results):
        ceiling = system["details"].get("ceiling")
        if ceiling is None or ceiling["seconds"] < LEAST_EXPLAINED_SECONDS:
            continue
        share = ceiling["by_stages"] / ceiling["seconds"]
        rows.append(
            {
                "footage": name,
                "system": _label(system, found),
                "after one-off work": _seconds(ceiling["seconds"]),
                "by the prices of its stages": _seconds(ceiling["by_stages"]),
                "of the ceiling": f"{share:.0%}",
                **_foretold(system["details"].get("cpu")),
            }
        )
    return rows


def _foretold(cpu: dict[str, float | None] | None) -> dict[str, str]:
    """CPU time, and how near what the plan foretold of it came."""
    measured, foretold = (cpu or {}).get("measured"), (cpu or {}).get("foretold")
    ratio = foretold / measured if measured and foretold is not None else None
    return {
        "CPU time": ABSENT if measured is None else _seconds(measured),
        "foretold": ABSENT if foretold is None else _seconds(foretold),
        "foretold ÷ measured": ABSENT if ratio is None else f"{ratio:.2f}",
    }


def timer_rows(results: Results) -> Rows:
    """What NoScope's timer would have shown, for the frames that it would have been shown."""
    timer = "NoScope's timer: frames in memory, one-off work left out"
    rows = []
    for found, name in _named(results):
        timed = {
            system["system"]: (system, _timed_frames(system, found) / system["in_memory_seconds"])
            for system in found["systems"]
            if system["in_memory_seconds"]
        }
        _, reference = timed.get("reference", (None, None))
        rows += [
            {
                "footage": name,
                "system": _label(system, found),
                "frames": f"{_timed_frames(system, found):,}",
                timer: _seconds(system["in_memory_seconds"]),
                "× real time": _times(per_second / found["footage"]["fps"]),
                "× reference": _ratio(per_second, reference),
            }
            for system, per_second in timed.values()
        ]
    return rows


def _timed_frames(system: Results, found: Results) -> int:
    """All, unless a labelled period came first."""
    return int(system["details"].get("scanned_frames", found["footage"]["frames"]))


def lines(results: Results) -> list[str]:
    """From what length on vqe pays, and the plan of every system."""
    return [*_break_even_lines(results), *_plan_lines(results)]


def _break_even_lines(results: Results) -> Iterator[str]:
    for found, name in _named(results):
        there = {system["system"] for system in found["systems"]}
        beats = [
            _beats(found["break_even"][key], name)
            for key, (baseline, name) in BASELINES.items()
            if {"cold", baseline} <= there
        ]
        if beats:
            yield f"{name}: {SYSTEMS['cold']}, {'; it '.join(beats)}"


def _beats(hours: float | None, baseline: str) -> str:
    if hours is None:
        return f"never beats {baseline} on this footage, at any length"
    if hours < 0.005:
        return f"beats {baseline} at any length"
    return f"beats {baseline} from {hours:.2f} hours of video on"


def _plan_lines(results: Results) -> Iterator[str]:
    for found, name, system in _systems(results):
        if system["system"] != "reference":
            yield f"{name}, {_label(system, found)}: {system['plan']}"


def notes(results: Results) -> list[str]:
    """What the figures mean, and where they come from, one paragraph each."""
    footages = results["footages"]
    frames = [found["reference"]["stretch_frames"] for found in footages]
    indexes = [found["index_seconds"] for found in footages]
    return [
        "Time is wall time from opening the file to an answer for every frame; building the packet "
        f"index, {_span(indexes, '.2f')} s, is counted for every system. The file lies in the page "
        "cache, and the network was loaded and called before the clock starts, on another video "
        "of the same size. × real time: seconds of video for each. × reference: how many times "
        "as fast as the reference network on every frame; ÷ decoding: how many times as long as "
        "decoding every frame and doing nothing else. Decoded are frames that left the decoder. "
        f"Scaled: measured on {_span(frames, ',')} frames in several stretches and multiplied. "
        "Charged: calls of the reference network at their measured price instead of calls; on a "
        "CPU they add to the decoding, on a GPU only what exceeds the decoding is charged. Errors "
        "are counted against the reference network's answers, each rate with its counts; flicker "
        "is the share of positive frames whose label differs from the majority of 15. Distinct "
        "are visits and background of the clip, which come again and again. "
        f"Asked for: `{results['accuracy']}`; per frame, the same rates of frames. By the prices "
        "of its stages: calls of the reference network, decoded frames and cheap stages, each at "
        "the seconds that one takes alone, in this run; of a cascade its scan, of a refinement "
        "all but the index. CPU time is that of the whole query, all threads together; it is "
        "foretold when the plan is made, from the steps of the plan and the work before it: of a "
        "refinement when its first grid is known, and anew whenever it is halved.",
        _spread_note(results),
        "NoScope's timer runs while all frames lie in memory, in the size that each step wants; "
        "decoding, resizing, labelling, training and the search are left out, and so are frames "
        "of a labelled period. Calls of the reference network are priced for all systems alike, on "
        "frames in memory, letterboxing included. "
        "NoScope's paper (arXiv 1703.02529) reports 265–15,500 × real time by it, on other "
        "footage, with another reference network and on another machine.",
        *_truth_notes(results),
        *_left_out_notes(results),
        _machine_note(results),
    ]


def _spread_note(results: Results) -> str:
    """How far the same work differed in time, which a ratio must exceed to mean something."""
    decoding, reference = (
        max(
            max(found[what]["rounds"]) / min(found[what]["rounds"]) for found in results["footages"]
        )
        for what in ("decoding", "reference")
    )
    rounds = [len(found["decoding"]["rounds"]) for found in results["footages"]]
    return (
        f"Every system ran once. Decoding alone ran {_span(rounds, ',')} times, of which the "
        f"fastest counts; the slowest took up to {decoding:.2f} times as long on the same footage, "
        "and of the stretches of the reference network the slowest took up to "
        f"{reference:.2f} times as long as the fastest. Ratios within that spread say nothing."
    )


def _truth_notes(results: Results) -> Iterator[str]:
    """How the reference network's answers were come by, and how far they hold here."""
    footages: dict[str, list[str]] = {}
    for found, name in _named(results):
        footages.setdefault(_truth(found["truth"]), []).append(name)
    for truth, found_names in footages.items():
        yield f"{', '.join(found_names)}: the reference network labelled every frame {truth}."


def _truth(truth: Results) -> str:
    return (
        f"on {truth['device']} ({truth['source']}); of {truth['frames']:,} frames freshly drawn "
        f"from {truth['blocks']:,} blocks, {truth['positives']:,} with the object, "
        f"{truth['disagreements']:,} got another answer on this machine, and scores differed by "
        f"up to {truth['largest_difference']:.4f}"
    )


def _left_out_notes(results: Results) -> Iterator[str]:
    """Which systems were not measured on which footage."""
    for found, name in _named(results):
        there = {system["system"] for system in found["systems"]}
        missing = [label for system, label in SYSTEMS.items() if system not in there]
        if missing:
            yield f"{name}: left out: {'; '.join(missing)}."


def _machine_note(results: Results) -> str:
    footages = results["footages"]
    loads = [load for found in footages for load in found["load"].values()]
    prices = [1000 * found["reference"]["call_seconds"] for found in footages]
    made = [
        f"{', '.join(keys)}: {made_with(run['machine'])}, by `{_command(run)}`."
        for run, keys in runs(results)
    ]
    return (
        f"Reference network: `{results['model']}`, {_span(prices, ',.1f')} ms a call. Machine: "
        f"{machine_name(results['machine'])}; {results['threads']} threads; shared with other work "
        f"and noisy (load average {_span(loads, '.1f')} around the systems). {' '.join(made)}"
    )


def _command(run: Results) -> str:
    option = "" if run["set"] == "default" else f" --{run['set']}"
    return f"python -m benchmarks.run noscope{option}"


def _named(results: Results) -> Iterator[tuple[Results, str]]:
    """Each footage's results with its short name."""
    yield from zip(results["footages"], names(results).values(), strict=True)


def _systems(results: Results) -> Iterator[tuple[Results, str, Results]]:
    """Each system's results, behind those of the footage and its short name."""
    for found, name in _named(results):
        for system in found["systems"]:
            yield found, name, system


def _label(system: Results, found: Results) -> str:
    """The system, and what it looked for where that is not the footage's own object."""
    name, asked = SYSTEMS[system["system"]], system["label"]
    if system["min_score"] is not None:
        asked += f" ≥ {system['min_score']:g}"
    return name if asked == found["footage"]["label"] else f"{name} ({asked})"


def _reference_seconds(found: Results) -> float | None:
    """Of the reference network on every frame."""
    every = (s["seconds"] for s in found["systems"] if s["system"] == "reference")
    return next(every, None)


def _how(system: Results) -> str:
    if system["measured"] != "charged":
        return str(system["measured"])
    return f"{system['charged']:,.1f} s charged"


def _rates(system: Results, unit: str) -> dict[str, str]:
    return rates(ErrorCounts(**system["errors"][unit]))


def _disturbances(an_hour: dict[str, float]) -> str:
    found = [f"{count:g} {kind.replace('_', ' ')}" for kind, count in an_hour.items() if count]
    return f"{', '.join(found)} an hour" if found else "none"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds:.2g} s"


def _ratio(above: float | None, below: float | None) -> str:
    return ABSENT if above is None or below is None else _times(above / below)


def _times(ratio: float) -> str:
    """With three digits, or all before the point."""
    places = 2 if ratio < 10 else 1 if ratio < 100 else 0
    return f"{ratio:,.{places}f}"


def _span(figures: Sequence[float], form: str) -> str:
    """From the least to the largest."""
    low, high = (f"{figure:{form}}" for figure in (min(figures), max(figures)))
    return low if low == high else f"{low} to {high}"
