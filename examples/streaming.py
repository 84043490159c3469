"""Streams the rows of a query into a Parquet file while the video is being read.

    python examples/streaming.py crossing.mp4 bus onnx:detector.onnx bus.parquet

Rows are written as they are found, so memory does not grow with the video, and an interrupted run
leaves what it had.
"""

from __future__ import annotations

import sys

import pyarrow.parquet as pq

import vqe


def main(video: str, label: str, model: str, path: str) -> None:
    """Write the frames of `video` that contain `label` to `path`."""
    question = "SELECT frame, timestamp, score FROM $video WHERE contains($label)"
    with (
        vqe.connect() as con,
        con.sql(question, {"video": video, "label": label}, model=model) as result,
        pq.ParquetWriter(path, result.schema) as writer,
    ):
        for batch in result:
            writer.write_batch(batch)
        profile = result.profile
    print(f"{profile.rows:,} rows in {profile.wall_seconds:.1f} s; plan: {profile.plan}")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
