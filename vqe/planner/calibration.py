"""What work costs on this machine, from the store or measured now."""

from __future__ import annotations

from vqe.planner.cost import NetworkCost
from vqe.planner.visual_scan import VisualScan
from vqe.runtime.context import Context
from vqe.storage.store import Store
from vqe.video.costs import DecodeCosts, measure


def decode_costs(scan: VisualScan, store: Store, context: Context) -> DecodeCosts:
    """What decoding this video costs, measured once."""
    costs = scan.decode_costs(store)
    if costs is None:
        costs = measure(scan.index)
        context.metrics.decoded_to_plan += costs.measured_on
        store.decode_costs.keep(scan.content, costs)
    return costs


def known_network_cost(scan: VisualScan, store: Store) -> NetworkCost | None:
    """What the reference network took for a picture of this size in an earlier query."""
    cost = store.network_costs.get(_key(scan))
    return cost if isinstance(cost, NetworkCost) else None


def keep_network_cost(scan: VisualScan, store: Store, cost: NetworkCost | None) -> None:
    """Remembers it for later queries, about other videos as well.

    Not of a model without a fingerprint: it may be another one tomorrow.
    """
    if cost is not None and scan.network.fingerprint is not None:
        store.network_costs.keep(_key(scan), cost)


def _key(scan: VisualScan) -> tuple[str | None, str, int, int]:
    network, index = scan.network, scan.index
    return network.fingerprint, network.device, index.width, index.height
