"""Stored beginnings of prompts with their keys and values: looked up, restored, and cut from running caches.

The tree decides what is kept, the blocks hold it, in memory or still on disk. Belongs to the worker's thread.
"""

from collections.abc import Sequence

from optiq_server.engine.disk_tier import DiskTier, StoredBlock
from optiq_server.engine.kv_blocks import Block, block_bytes, cut, is_divisible, paste
from optiq_server.engine.layer_cache import Caches
from optiq_server.engine.prefix_tree import Node, PrefixTree


class PrefixCache:
    """At most `capacity` bytes of keys and values; 0 keeps nothing. It begins with what `disk` has."""

    def __init__(self, *, capacity: int, disk: DiskTier | None = None) -> None:
        self._tree = PrefixTree(capacity=capacity)
        self._blocks: dict[int, Block | StoredBlock] = {}
        self._disk = disk
        if disk is not None:
            self._take_over(disk)

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

    def restore(self, node: Node, fresh: Caches) -> tuple[Caches, Node]:
        """Caches of one row that hold what `node` stands for; `fresh` are the model's empty ones.

        Where a block on disk is damaged, what stands before it is restored, and the node of that returned.
        """
        chain: list[Block] = []
        reached = self._tree.root
        for each in self._tree.lineage(node):
            block = self._in_memory(each)
            if block is None:
                self._forget(self._tree.drop(each))
                break
            chain.append(block)
            reached = each
        return (paste(fresh, chain) if chain else fresh), reached

    def save(self) -> None:
        """Write what is kept to disk, if there is one."""
        if self._disk is not None:
            self._disk.save(
                (before, node.run, self._blocks[node.handle]) for before, node in self._tree.by_use()
            )

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

    def _take_over(self, disk: DiskTier) -> None:
        nodes = {disk.key(()): self._tree.root}
        for stored in disk.scan():
            parent = nodes.get(stored.parent)
            if parent is None or not parent.is_stored:
                continue
            dropped = self._tree.room_for(stored.nbytes, beside=parent)
            if dropped is None:
                continue
            self._forget(dropped)
            node = self._tree.add(parent, stored.run, stored.nbytes)
            nodes[stored.key] = node
            self._blocks[node.handle] = stored

    def _in_memory(self, node: Node) -> Block | None:
        block = self._blocks[node.handle]
        if isinstance(block, StoredBlock) and self._disk is not None:
            read = self._disk.read(block)
            if read is not None:
                self._blocks[node.handle] = read
            return read
        return block if isinstance(block, Block) else None

    def _forget(self, handles: Sequence[int]) -> None:
        for handle in handles:
            del self._blocks[handle]
