"""What a result says of itself in the metadata of its Arrow schema, as Parquet files keep it."""

from __future__ import annotations

import json

from vqe.executor.explain import explanation
from vqe.executor.explain_json import explanation_dict
from vqe.executor.query import Query
from vqe.plan.catalog import printable
from vqe.plan.nodes import Scan
from vqe.version import __version__

MEASURED = ("video", "plan", "errors_of", "errors", "certificate", "shortfall")
"""What `vqe.measured` takes over from `explanation_dict`, for each video."""


def promised(query: Query) -> dict[str, str]:
    """What is known before the query runs, by key; keys that would be empty are left out.

    vqe.version      of the library
    vqe.query        the statement, as it was given
    vqe.model        the reference network, as the connection calls it
    vqe.fingerprint  of the reference network; none for one that cannot be told from others
    vqe.accuracy     the bounds, as SQL
    """
    known = {"vqe.version": __version__, "vqe.query": query.sql}
    scans = (node for node in query.logical.walk() if isinstance(node, Scan))
    asked = next((scan for scan in scans if scan.model is not None), None)
    if asked is not None and asked.model is not None:
        known["vqe.model"] = asked.model.name
        known["vqe.fingerprint"] = query.resources.network(asked.model).fingerprint or ""
        known["vqe.accuracy"] = str(asked.accuracy)
    return {key: printable(text) for key, text in known.items() if text}


def measured(query: Query) -> dict[str, str]:
    """`vqe.measured`, of a query that has run: JSON, a list with the plan of each video and the
    errors that were measured or proved, as `vqe.executor.explain_json` describes them."""
    videos = []
    for video in explanation_dict(explanation(query))["videos"]:
        if not video["plans"]:
            continue  # it could not be read
        told = {"video": video["video"], **video["plans"][0]}
        videos.append({key: told[key] for key in MEASURED})
    return {"vqe.measured": json.dumps(videos, ensure_ascii=False, allow_nan=False)}
