"""What EXPLAIN tells of a scan before a pixel is touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from vqe.config import Settings
from vqe.display.tables import table_text
from vqe.errors import VideoError
from vqe.planner.cascade import stored_decision
from vqe.planner.decoding import Decoding, cheapest, price_decoding
from vqe.planner.floor import floor_text
from vqe.planner.refining import first_grid
from vqe.planner.sampling import draw_blocks, label_budget
from vqe.planner.visual_scan import VisualScan
from vqe.storage.store import Store

WIDTH = 100


def preview(scan: VisualScan, store: Store, settings: Settings) -> str:
    """The cascade that is stored or how it would be found, and the price of every decoding."""
    parts = [_cascade(scan, store, settings), _decoding(scan, store)]
    if scan.accuracy.confidence is not None:
        parts.insert(1, floor_text(scan))
    return "\n\n".join(parts)


def preview_videos(
    scans: Iterable[tuple[str, VisualScan | VideoError]], store: Store, settings: Settings
) -> str:
    """The same in a line for each of several videos, called by its name; some cannot be read."""
    rows: list[dict[str, object]] = []
    for video, scan in scans:
        row: dict[str, object] = {"video": video, "plan": "skipped: it cannot be read"}
        row |= dict.fromkeys(("decoding", "decodes"))
        if not isinstance(scan, VideoError):
            chosen = scan.decoding(store)
            row["plan"] = _cascade(scan, store, settings)
            row["decoding"] = chosen.strategy.name if chosen.work.decoded else "nothing"
            row["decodes"] = chosen.work.decoded
        rows.append(row)
    return table_of_videos(rows) if rows else "the condition rules out every file by its name"


def table_of_videos(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as text; column `video` is cut to what tells the videos from one another."""
    folder = os.path.commonpath([os.path.dirname(str(row["video"])) for row in rows])
    if not folder:
        return table_text(rows, width=WIDTH, footer=False)
    rows = [{**row, "video": os.path.relpath(str(row["video"]), folder)} for row in rows]
    return f"in {folder}:\n\n{table_text(rows, width=WIDTH, footer=False)}"


def _cascade(scan: VisualScan, store: Store, settings: Settings) -> str:
    stored = stored_decision(scan, store)
    if stored is not None:
        return f"stored plan: {stored.name} → {scan.network.name}"
    everything = f"{scan.network.name} on each of {scan.frames:,} frames"
    if scan.accuracy.exact:
        return everything
    grid = first_grid(scan, fill=settings.fill)
    if grid is not None:
        return f"not planned yet: asks about {len(grid):,} frames first, spread over the video"
    if not draw_blocks(scan.index, scan.ordinals, scan.accuracy.unit_us, settings.seed):
        return f"{everything}: too few to learn from"
    return f"not planned yet: needs about {label_budget(scan.frames):,} labels"


def _decoding(scan: VisualScan, store: Store) -> str:
    remaining = scan.remaining
    if not len(remaining):
        return "nothing to decode: all labels are stored"
    prices = price_decoding(scan.index, remaining, scan.decode_costs(store))
    chosen = cheapest(prices)
    rows = []
    for price in prices:
        row: dict[str, object] = {
            "decoding": price.strategy.name,
            "of the frames asked for": _delivered(price, len(remaining)),
            "decodes": price.work.decoded,
            "seeks": price.work.seeks,
        }
        if price.seconds is not None:
            row["CPU seconds"] = Decimal(f"{price.seconds:.2f}")
        row["choice"] = _choice(price, chosen)
        rows.append(row)
    return table_text(rows, width=WIDTH, footer=False)


def _delivered(price: Decoding, asked: int) -> str:
    if price.strategy.complete:
        return "all"
    return f"{price.delivered:,} of {asked:,} at most"


def _choice(price: Decoding, chosen: Decoding) -> str:
    if price.strategy == chosen.strategy:
        return "this one"
    if price.work == chosen.work:
        return "the same here"
    return "dearer" if price.strategy.complete else "leaves frames out"
