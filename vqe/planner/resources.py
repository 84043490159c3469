"""What planning may draw on beyond the logical plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from vqe.models.reference import ReferenceNetwork
from vqe.plan.catalog import ModelInfo, VideoInfo
from vqe.storage.labels import LabelStore, QueryLabels
from vqe.storage.store import QUOTA_BYTES, Store
from vqe.video.container import video_size
from vqe.video.fingerprint import fingerprint
from vqe.video.index import VideoIndex
from vqe.video.indexing import build_index


@dataclass(frozen=True)
class Resources:
    """The connection's store, and how to get at a network's weights; one for each query."""

    store: Store
    network: Callable[[ModelInfo], ReferenceNetwork]
    _labels: dict[tuple[str, str | None], LabelStore] = field(default_factory=dict)

    def labels(self, content: str, network: ReferenceNetwork | None) -> LabelStore:
        """The labels of a video; by a network that has no fingerprint, those of this query.

        The same throughout the query, although the store may be full or drop them meanwhile.
        """
        key = (content, None if network is None else network.fingerprint)
        if key not in self._labels:
            self._labels[key] = QueryLabels(self.store.labels(*key), QUOTA_BYTES)
        return self._labels[key]

    def size(self, path: str) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return video_size(path)

    def index(self, video: VideoInfo, check: Callable[[], None]) -> tuple[str, VideoIndex]:
        """The fingerprint of a file, and its packet index, from the store where the same content
        was indexed before.

        `check` is called now and then, and may raise to end the work.
        """
        content = fingerprint(video.path)
        index = self.store.indexes.get(content)
        if not isinstance(index, VideoIndex):
            index = build_index(video.path, check)
            if fingerprint(video.path) == content:  # not so where the file is still being written
                self.store.indexes.keep(content, index)
        if (index.path, index.start_us) != (video.path, video.start_us):
            # Only then: a copy would derive anew what the stored one has derived already.
            index = replace(index, path=video.path, start_us=video.start_us)
        return content, index
