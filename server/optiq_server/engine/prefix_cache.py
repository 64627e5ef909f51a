"""Stored beginnings of prompts with their keys and values: looked up, restored, and cut from running caches.

The tree decides what is kept, the blocks hold it. Belongs to the worker's thread.
"""

from collections.abc import Sequence

from optiq_server.engine.kv_blocks import Block, block_bytes, cut, is_divisible, paste
from optiq_server.engine.layer_cache import Caches
from optiq_server.engine.prefix_tree import Node, PrefixTree


class PrefixCache:
    """At most `capacity` bytes of keys and values; 0 keeps nothing."""

    def __init__(self, *, capacity: int) -> None:
        self._tree = PrefixTree(capacity=capacity)
        self._blocks: dict[int, Block] = {}

    @property
    def root(self) -> Node:
        """The beginning of every prompt: no tokens at all."""
        return self._tree.root

    @property
    def nbytes(self) -> int:
        return self._tree.size

    @property
    def capacity(self) -> int:
        return self._tree.capacity

    def __len__(self) -> int:
        return len(self._tree)

    def deepest(self, tokens: Sequence[int]) -> Node:
        """The longest stored beginning of `tokens`."""
        return self._tree.deepest(tokens)

    def restore(self, node: Node, fresh: Caches) -> Caches:
        """Caches of one row that hold what `node` stands for; `fresh` are the model's empty ones."""
        chain = [self._blocks[each.handle] for each in self._tree.lineage(node)]
        return paste(fresh, chain) if chain else fresh

    def store(self, node: Node, caches: Caches, row: int, tokens: Sequence[int], end: int) -> Node:
        """Keep what `row`, which holds `tokens`, has behind `node` up to `end`; the node that stands for it.

        Where `node` was dropped meanwhile, what its nearest stored ancestor lacks is kept. Where nothing can
        be, that one is returned.
        """
        node = self._tree.nearest(node)
        if end <= node.end or not is_divisible(caches):
            return node
        run = tuple(tokens[node.end : end])
        known = self._tree.child(node, run)
        if known is not None:
            return known
        dropped = self._tree.room_for(block_bytes(caches, start=node.end, end=end), beside=node)
        if dropped is None:
            return node
        self._forget(dropped)
        block = cut(caches, row, start=node.end, end=end, held=len(tokens))
        if block is None:
            return node
        child = self._tree.add(node, run, block.nbytes)
        self._blocks[child.handle] = block
        return child

    def resize(self, capacity: int) -> None:
        """Hold at most so many bytes from now on."""
        if capacity != self._tree.capacity:
            self._forget(self._tree.resize(capacity))

    def clear(self) -> None:
        """Forget everything that is kept."""
        capacity = self._tree.capacity
        self.resize(0)
        self._tree.resize(capacity)

    def check_integrity(self) -> None:
        """Raises AssertionError where tree and blocks disagree."""
        self._tree.check_integrity()
        if len(self._blocks) != len(self._tree):
            raise AssertionError(f"{len(self._blocks)} blocks for {len(self._tree)} nodes")
        if (held := sum(block.nbytes for block in self._blocks.values())) != self._tree.size:
            raise AssertionError(f"blocks of {held} bytes; {self._tree.size} are counted")

    def _forget(self, handles: Sequence[int]) -> None:
        for handle in handles:
            del self._blocks[handle]
