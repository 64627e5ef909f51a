"""The tree of stored beginnings: what is found, what is dropped, and that the bytes are bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_server.engine.prefix_tree import Node, PrefixTree


def _add(tree: PrefixTree, parent: Node, *run: int, size: int = 10) -> Node:
    assert tree.room_for(size, beside=parent) is not None
    return tree.add(parent, run, size)


def test_the_deepest_beginning_is_found() -> None:
    tree = PrefixTree(capacity=100)
    a = _add(tree, tree.root, 1, 2)
    ab = _add(tree, a, 3)
    _add(tree, a, 4, 5)
    longer = _add(tree, tree.root, 1, 2, 3, 9)

    assert tree.deepest([1, 2, 3, 7]) is ab
    assert tree.deepest([1, 2, 3, 9, 9]) is longer
    assert tree.deepest([1, 2, 4]) is a
    assert tree.deepest([1]) is tree.root
    assert tree.deepest([]) is tree.root


def test_a_run_is_matched_whole_or_not_at_all() -> None:
    tree = PrefixTree(capacity=100)
    _add(tree, tree.root, 1, 2, 3)

    assert tree.deepest([1, 2]) is tree.root
    assert tree.deepest([1, 2, 4]) is tree.root


def test_the_least_recently_used_leaf_goes_first_and_parents_stay() -> None:
    tree = PrefixTree(capacity=40)
    shared = _add(tree, tree.root, 1)
    old, young = _add(tree, shared, 2), _add(tree, shared, 3)
    tree.deepest([1, 2])

    assert tree.room_for(20, beside=tree.root) == [young.handle]
    assert tree.room_for(30, beside=tree.root) == [old.handle]
    assert (old.is_stored, shared.is_stored) == (False, True)
    assert tree.deepest([1, 2]) is shared


def test_what_is_built_on_stays_and_so_do_its_ancestors() -> None:
    tree = PrefixTree(capacity=30)
    parent = _add(tree, tree.root, 1)
    child = _add(tree, parent, 2)
    younger = _add(tree, tree.root, 3)

    assert tree.room_for(20, beside=child) is None
    assert tree.room_for(10, beside=child) == [younger.handle]


def test_a_smaller_tree_drops_what_it_cannot_hold() -> None:
    tree = PrefixTree(capacity=30)
    parent = _add(tree, tree.root, 1)
    child = _add(tree, parent, 2)

    assert tree.resize(15) == [child.handle]
    assert tree.nearest(child) is parent
    assert tree.resize(0) == [parent.handle]
    assert tree.nearest(child) is tree.root
    tree.check_integrity()


def test_what_can_never_fit_drops_nothing() -> None:
    tree = PrefixTree(capacity=30)
    kept = _add(tree, tree.root, 1)

    assert tree.room_for(31, beside=tree.root) is None
    assert tree.deepest([1]) is kept


def test_the_same_beginning_is_stored_once() -> None:
    tree = PrefixTree(capacity=30)
    node = _add(tree, tree.root, 1)

    assert tree.child(tree.root, (1,)) is node
    with pytest.raises(ValueError, match="cannot be added"):
        tree.add(tree.root, (1,), 10)


_RUNS = st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple)


@given(
    prompts=st.lists(st.lists(_RUNS, min_size=1, max_size=4), max_size=20),
    sizes=st.lists(st.integers(1, 30), min_size=20, max_size=20),
    capacity=st.integers(0, 80),
)
def test_any_history_keeps_the_bound_and_finds_what_a_scan_finds(
    prompts: list[list[tuple[int, ...]]], sizes: list[int], capacity: int
) -> None:
    tree = PrefixTree(capacity=capacity)
    stored: dict[int, tuple[int, ...]] = {}
    for prompt, size in zip(prompts, sizes, strict=False):
        node = tree.root
        tokens: tuple[int, ...] = ()
        for run in prompt:
            known = tree.child(node, run)
            tokens += run
            if known is None:
                dropped = tree.room_for(size, beside=node)
                if dropped is None:
                    break
                for handle in dropped:
                    del stored[handle]
                known = tree.add(node, run, size)
                stored[known.handle] = tokens
            node = known
        tree.check_integrity()

    assert len(tree) == len(stored)
    for prompt in prompts:
        tokens = tuple(token for run in prompt for token in run)
        expected = max((len(each) for each in stored.values() if tokens[: len(each)] == each), default=0)
        assert tree.deepest(tokens).end == expected
