"""Which items are asked where a limit leaves some out. Pure, and the same on every machine."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

from optiq_server.evaluation.suite import Item


def choose(items: Sequence[Item], limit: int | None, seed: int) -> tuple[Item, ...]:
    """At most `limit` of `items`, in their own order, spread evenly over the clusters.

    A larger limit with the same seed only adds items, so that a small run can be extended to a large one.
    """
    if limit is None or limit >= len(items):
        return tuple(items)
    chosen = {item.id for item in _order(items, seed)[:limit]}
    return tuple(item for item in items if item.id in chosen)


def _order(items: Sequence[Item], seed: int) -> list[Item]:
    """By turns one item of each cluster; the clusters and the items in each are shuffled by `seed`."""
    clusters: dict[str, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: _place(seed, item.id)):
        clusters[item.cluster].append(item)
    turns = [
        (number, _place(seed, cluster), item)
        for cluster, members in clusters.items()
        for number, item in enumerate(members)
    ]
    return [item for _, _, item in sorted(turns, key=lambda turn: turn[:2])]


def _place(seed: int, name: str) -> bytes:
    return sha256(f"{seed}:{name}".encode()).digest()
