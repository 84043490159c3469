"""What work costs on this machine, from the store or measured now."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date

from vqe.planner.cost import NetworkCost, cost_of
from vqe.planner.machine import processor
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
        store.decode_costs.keep(scan.content, asdict(costs))
    return costs


def known_network_cost(scan: VisualScan, store: Store) -> NetworkCost | None:
    """What the reference network took for a picture of this size in an earlier query."""
    name = _name(scan)
    return None if name is None else cost_of(NetworkCost, store.network_costs.get(name))


def keep_network_cost(scan: VisualScan, store: Store, cost: NetworkCost | None) -> None:
    """Remembers what a query has measured for later ones, about other videos as well.

    It takes the place of what was known, whatever that was: the network, or what runs beside it,
    may have become slower or faster.
    """
    name = _name(scan)
    if name is not None and cost is not None and cost != known_network_cost(scan, store):
        store.network_costs.keep(name, asdict(cost))


def days_of_costs(scan: VisualScan, store: Store) -> tuple[date, ...]:
    """When other processes have measured what is known of these costs."""
    name = _name(scan)
    network = None if name is None else store.network_costs.day(name)
    return tuple(sorted({day for day in (network, store.decode_costs.day(scan.content)) if day}))


def _name(scan: VisualScan) -> str | None:
    """What the cost of the network is kept under: weights, what runs them, and size of pictures.

    None of a model without a fingerprint: it may be another one tomorrow.
    """
    network, index = scan.network, scan.index
    if network.fingerprint is None:
        return None
    where = f"{network.runtime} on {processor(network.device)}"
    return f"{network.fingerprint} in {where}, {index.width}x{index.height}"
