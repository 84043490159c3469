"""SHOW and DESCRIBE: what a connection knows, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from vqe.catalog import Catalog, RegisteredVideo
from vqe.config import Settings
from vqe.errors import BindError, VideoError
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.planner.resources import Resources
from vqe.runtime.context import Context
from vqe.video.container import video_codec

VIDEOS: Final = pa.schema(
    [
        ("name", pa.string()),
        ("path", pa.string()),
        ("files", pa.int64()),
        ("width", pa.int64()),  # in pixels, of the upright picture
        ("height", pa.int64()),
        ("codec", pa.string()),
        ("fps", pa.float64()),  # on average
        ("frames", pa.int64()),
        ("duration", pa.duration("us")),
        ("starting_at", pa.timestamp("us")),
        ("problem", pa.string()),  # why it cannot be read; null where it can
    ]
)
"""Of a pattern, sums of its files, and what they have in common."""

MODELS: Final = pa.schema(
    [
        ("name", pa.string()),
        ("model", pa.string()),  # its spec, or the kind of object
        ("labels", pa.int64()),  # how many; null before it is loaded, as are those that follow
        ("min_score", pa.float64()),
        ("device", pa.string()),
        ("default", pa.bool_()),  # whether a query takes it that names none
    ]
)


def show_videos(catalog: Catalog, resources: Resources, context: Context) -> pa.Table:
    """A row for each registered video; one that was not read before is indexed for it."""
    rows = [_video(video, catalog, resources, context) for video in catalog.videos()]
    return pa.Table.from_pylist(rows, schema=VIDEOS)


def _video(
    video: RegisteredVideo, catalog: Catalog, resources: Resources, context: Context
) -> dict[str, Any]:
    row = {"name": video.name, "path": video.path, "starting_at": video.start_us}
    try:
        info = catalog.video(video.name)
        files = [_file(file, resources, context) for file in info.members or (info,)]
    except VideoError as error:
        return {**row, "problem": error.message}
    return {
        **row,
        "files": len(files),
        "frames": sum(file["frames"] for file in files),
        "duration": sum(file["duration"] for file in files),
        **{what: _common(f[what] for f in files) for what in ("width", "height", "codec", "fps")},
    }


def _file(video: VideoInfo, resources: Resources, context: Context) -> dict[str, Any]:
    context.check()
    _, index = resources.index(video, context.check)
    n, times = len(index), index.timestamps_us
    width, height = resources.size(video.path)
    return {
        "width": width,
        "height": height,
        "codec": video_codec(video.path),
        "fps": round((n - 1) / (int(times[-1]) / 1e6), 3) if n > 1 else None,
        "frames": n,
        "duration": index.end_us(n - 1) if n else 0,
    }


def _common(values: Iterable[Any]) -> Any:
    """The value that all have; None where they differ."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def show_models(catalog: Catalog, settings: Settings) -> pa.Table:
    """A row for each registered model; none is loaded for it."""
    try:
        default = settings.model or catalog.default_model()
    except BindError:  # there are several, or none
        default = ""
    rows = []
    for model in catalog.models():
        network = model.loaded
        rows.append(
            {
                "name": model.name,
                "model": model.source,
                "labels": network and len(network.labels),
                "min_score": network and network.min_score,
                "device": network and network.device,
                "default": model.name.casefold() == default.casefold(),
            }
        )
    return pa.Table.from_pylist(rows, schema=MODELS)


def describe_columns(columns: pa.Schema) -> pa.Table:
    """Name and type of each column."""
    return pa.table(
        {
            "column_name": pa.array(columns.names, pa.string()),
            "column_type": pa.array([str(column.type) for column in columns], pa.string()),
        }
    )


def describe_model(model: ModelInfo) -> pa.Table:
    """The labels of a model, in its order."""
    return pa.table({"label": pa.array(model.labels, pa.string())})
