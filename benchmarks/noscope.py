"""wip"""

from benchmarks.footage import Footage
from benchmarks.moments import SCENES


def standard() -> tuple[Footage, ...]:
    """All."""
    hours = [Footage(scene.name, 1.0, scene.presence) for scene in SCENES.values()]
    return Footage("person", 1 / 3, SCENES["person"].presence), *hours
