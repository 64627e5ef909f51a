"""Which beginnings of prompts are stored: a tree of token runs, without any array. Pure.

A node stands for the tokens from the root to its end; its own run is the part behind its parent. Each holds
one thing under a handle, of so many bytes, that belongs to whoever uses the tree.

Rule 1: a node's run is matched whole or not at all: what is stored can be continued at its end only.
Rule 2: a node is never dropped before its children.
Rule 3: of the nodes that may be dropped, the least recently used goes first, and of two used together the
        one farther from the root. Using a node uses all of its ancestors.
Rule 4: the stored bytes never exceed the capacity.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True, kw_only=True)
class Node:
    """A beginning of `end` tokens; `run` are those behind its parent's. `is_stored` until it is dropped."""

    parent: "Node | None"
    run: tuple[int, ...]
    end: int
    handle: int
    size: int
    used: int = 0
    is_stored: bool = True
    children: dict[int, dict[tuple[int, ...], "Node"]] = field(default_factory=dict)

    @property
    def is_leaf(self) -> bool:
        return not self.children


class PrefixTree:
    """At most `capacity` bytes of nodes, below a root that stands for no tokens and is always there."""

    def __init__(self, *, capacity: int) -> None:
        self._capacity = capacity
        self._clock = itertools.count(1)
        self._handles = itertools.count()
        self._root = Node(parent=None, run=(), end=0, handle=next(self._handles), size=0)
        self._size = 0

    @property
    def root(self) -> Node:
        return self._root

    @property
    def size(self) -> int:
        """The bytes of all nodes."""
        return self._size

    @property
    def capacity(self) -> int:
        return self._capacity

    def __len__(self) -> int:
        return sum(1 for _ in self._nodes()) - 1

    def deepest(self, tokens: Sequence[int]) -> Node:
        """The deepest node that `tokens` begin with, the root if there is no other. It is used now."""
        node = max(self._matches(tuple(tokens)), key=lambda each: each.end)
        self._use(node)
        return node

    def child(self, parent: Node, run: tuple[int, ...]) -> Node | None:
        """The node that stands for `parent`'s tokens and `run`, if it is stored. It is used now."""
        node = parent.children.get(len(run), {}).get(run)
        if node is not None:
            self._use(node)
        return node

    def room_for(self, size: int, *, beside: Node) -> list[int] | None:
        """Drop as much as `size` more bytes below `beside` need; the handles that were dropped.

        `beside` and its ancestors stay. None, and nothing is dropped, if the bytes cannot fit so.
        """
        kept = self.lineage(beside)
        if size + sum(node.size for node in kept) > self._capacity:
            return None
        return self._drop_down_to(self._capacity - size, kept)

    def resize(self, capacity: int) -> list[int]:
        """Hold at most so many bytes from now on; the handles that were dropped for it."""
        self._capacity = capacity
        return self._drop_down_to(capacity, ())

    def add(self, parent: Node, run: tuple[int, ...], size: int) -> Node:
        """Store a new node. Call `room_for` first. Raises ValueError if there is no room, or it is there."""
        if not run or self._size + size > self._capacity or self.child(parent, run) is not None:
            raise ValueError(f"a run of {len(run)} tokens and {size} bytes cannot be added")
        node = Node(parent=parent, run=run, end=parent.end + len(run), handle=next(self._handles), size=size)
        parent.children.setdefault(len(run), {})[run] = node
        self._size += size
        self._use(node)
        return node

    def lineage(self, node: Node) -> list[Node]:
        """The nodes from below the root to `node`."""
        line = []
        while node.parent is not None:
            line.append(node)
            node = node.parent
        return line[::-1]

    def drop(self, node: Node) -> list[int]:
        """Drop the node and all below it; the handles that were dropped."""
        dropped = []
        for runs in list(node.children.values()):
            for child in list(runs.values()):
                dropped += self.drop(child)
        self._drop(node)
        return [*dropped, node.handle]

    def by_use(self) -> Iterator[tuple[tuple[int, ...], Node]]:
        """All nodes with the tokens before their runs; used last first, and so parents before children."""
        for node in sorted(self._nodes(), key=lambda each: (-each.used, each.end)):
            if node.parent is not None:
                yield tuple(token for each in self.lineage(node.parent) for token in each.run), node

    def nearest(self, node: Node) -> Node:
        """The node itself, or its nearest ancestor that is still stored."""
        while not node.is_stored and node.parent is not None:
            node = node.parent
        return node

    def check_integrity(self) -> None:
        """Raises AssertionError where the tree contradicts itself; for tests and idle moments."""
        sizes = 0
        for node in self._nodes():
            sizes += node.size
            if not node.is_stored:
                raise AssertionError(f"node {node.handle} was dropped, and is still there")
            for length, runs in node.children.items():
                if not runs or any(len(run) != length or child.run != run for run, child in runs.items()):
                    raise AssertionError(f"children of node {node.handle} are filed wrongly")
                if any(child.parent is not node for child in runs.values()):
                    raise AssertionError(f"a child of node {node.handle} has another parent")
                if any(child.end != node.end + length for child in runs.values()):
                    raise AssertionError(f"a child of node {node.handle} ends elsewhere")
        if sizes != self._size or self._size > self._capacity:
            raise AssertionError(f"{sizes} bytes are stored; {self._size} of {self._capacity} are counted")

    def _matches(self, tokens: tuple[int, ...]) -> Iterator[Node]:
        found = [self._root]
        while found:
            node = found.pop()
            yield node
            for length, runs in node.children.items():
                child = runs.get(tokens[node.end : node.end + length])
                if child is not None:
                    found.append(child)

    def _nodes(self) -> Iterator[Node]:
        found = [self._root]
        while found:
            node = found.pop()
            yield node
            for runs in node.children.values():
                found.extend(runs.values())

    def _use(self, node: Node) -> None:
        now = next(self._clock)
        user: Node | None = node
        while user is not None:
            user.used = now
            user = user.parent

    def _drop_down_to(self, size: int, kept: Sequence[Node]) -> list[int]:
        dropped = []
        while self._size > size:
            leaves = (node for node in self._nodes() if node.is_leaf and node.size and node not in kept)
            victim = min(leaves, key=lambda node: (node.used, -node.end))
            self._drop(victim)
            dropped.append(victim.handle)
        return dropped

    def _drop(self, node: Node) -> None:
        parent = node.parent
        if parent is None:
            raise ValueError("the root cannot be dropped")
        runs = parent.children[len(node.run)]
        del runs[node.run]
        if not runs:
            del parent.children[len(node.run)]
        self._size -= node.size
        node.is_stored = False
