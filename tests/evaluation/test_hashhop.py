"""Generated items: the chain is really in the prompt, once, in shuffled pieces; how answers are scored."""

import hashlib
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_harmony.vocabulary import Vocabulary
from optiq_server.evaluation.hashhop import (
    MAX_HOPS,
    MAX_TOKENS,
    MIN_TOKENS,
    HashHop,
    HashHopParameters,
    make_hashhop,
)
from optiq_server.evaluation.suite import Answer, Item

_LINE = re.compile(r"^([A-Za-z]{16}) -> ([A-Za-z]{16})$", re.MULTILINE)

_parameters = st.builds(
    HashHopParameters,
    count=st.integers(1, 8),
    hops=st.lists(st.integers(1, MAX_HOPS), min_size=1, unique=True).map(tuple),
    tokens=st.integers(MIN_TOKENS, 3_000),
    seed=st.integers(0, 1 << 32),
    chain_of_thought=st.booleans(),
)


def _text(item: Item) -> str:
    content: str = item.messages[0]["content"]
    return content


def _assignments(item: Item) -> list[tuple[str, str]]:
    return _LINE.findall(_text(item))


@settings(max_examples=40, deadline=None)
@given(_parameters)
def test_the_answer_is_found_by_hopping_and_the_chain_ends_there(parameters: HashHopParameters) -> None:
    for number, item in enumerate(make_hashhop(parameters).items):
        pairs = _assignments(item)
        following = dict(pairs)
        hops = parameters.hops[number % len(parameters.hops)]
        chain = item.reference["chain"]

        assert len(chain) == hops + 1
        assert all(following[first] == second for first, second in pairwise(chain))
        assert chain[-1] not in following
        assert f"Start at {chain[0]} and hop {hops} time" in _text(item)


@settings(max_examples=40, deadline=None)
@given(_parameters)
def test_no_hash_is_assigned_twice_and_all_chains_have_equal_hops(parameters: HashHopParameters) -> None:
    for number, item in enumerate(make_hashhop(parameters).items):
        pairs = _assignments(item)
        starts, ends = {first for first, _ in pairs}, {second for _, second in pairs}
        hops = parameters.hops[number % len(parameters.hops)]

        assert len(starts) == len(ends) == len(pairs)
        assert len(starts - ends) * hops == len(pairs)


@settings(max_examples=40, deadline=None)
@given(_parameters)
def test_the_same_parameters_make_the_same_items_and_another_seed_others(
    parameters: HashHopParameters,
) -> None:
    other = HashHopParameters(count=parameters.count, hops=parameters.hops, seed=parameters.seed + 1)

    assert make_hashhop(parameters) == make_hashhop(parameters)
    assert make_hashhop(parameters).items[0].messages != make_hashhop(other).items[0].messages


def test_the_default_items_are_those_that_they_were() -> None:
    """Figures of two versions can be compared only if the questions are the same."""
    suite = make_hashhop(HashHopParameters(count=12))
    digest = hashlib.sha256("".join(map(_text, suite.items)).encode()).hexdigest()

    assert digest == "346000faac146bcfd366630f39dd321e2a0db65d958facb2e42e8f0fff678ea4"


def test_a_longer_suite_begins_with_a_shorter_ones_items() -> None:
    shorter = make_hashhop(HashHopParameters(count=3, tokens=500))

    assert make_hashhop(HashHopParameters(count=9, tokens=500)).items[:3] == shorter.items


def test_the_clusters_are_the_numbers_of_hops_by_turns() -> None:
    suite = make_hashhop(HashHopParameters(count=5, hops=(1, 4), tokens=500))

    assert [item.cluster for item in suite.items] == ["1 hop", "4 hops", "1 hop", "4 hops", "1 hop"]


def test_the_lines_of_a_chain_are_shuffled_among_all() -> None:
    (item,) = make_hashhop(HashHopParameters(count=1, hops=(6,), tokens=8_000)).items
    pairs = _assignments(item)
    places = [pairs.index(pair) for pair in pairwise(item.reference["chain"])]

    assert places != sorted(places)
    assert sum(first[1] == second[0] for first, second in pairwise(pairs)) < len(pairs) / 50


@pytest.fixture(name="vocabulary", scope="module")
def _vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary.load(tmp_path_factory.mktemp("vocabulary"))


@pytest.mark.parametrize("chain_of_thought", [False, True])
def test_a_prompt_has_at_most_so_many_tokens_of_gpt_oss_and_not_far_fewer(
    vocabulary: Vocabulary, chain_of_thought: bool
) -> None:
    def length(tokens: int, hops: int) -> int:
        parameters = HashHopParameters(
            count=1, hops=(hops,), tokens=tokens, chain_of_thought=chain_of_thought
        )
        return len(vocabulary.encode_text(_text(make_hashhop(parameters).items[0])))

    assert all(length(tokens, hops) <= tokens for tokens in (MIN_TOKENS, 1_000) for hops in (1, 6))
    assert all(0.92 * tokens <= length(tokens, 6) <= tokens for tokens in (8_000, 32_000))
    assert 0.94 * MAX_TOKENS <= length(MAX_TOKENS, 3) <= MAX_TOKENS


def _suite(*, chain_of_thought: bool = False) -> HashHop:
    return make_hashhop(HashHopParameters(count=12, tokens=600, chain_of_thought=chain_of_thought))


def _target(item: Item) -> str:
    target: str = item.reference["chain"][-1]
    return target


def _other_end(item: Item) -> str:
    following = dict(_assignments(item))
    return next(end for end in following.values() if end not in following and end != _target(item))


_PHRASINGS: list[Callable[[Item], str]] = [
    _target,
    lambda item: f"The hash is **{_target(item)}**.",
    lambda item: " -> ".join(item.reference["chain"]),
    lambda item: f"`{_target(item)}`\n",
]
_CORRUPTIONS: list[tuple[Callable[[Item], str], str]] = [
    (lambda _: "", "no hash"),
    (lambda _: "I cannot tell.", "no hash"),
    (lambda item: _target(item)[:-1], "no hash"),
    (lambda item: _target(item) + "x", "no hash"),
    (lambda item: item.reference["chain"][0], "the hash after 0 hops"),
    (lambda item: item.reference["chain"][-2], "the hash after"),
    (lambda item: _target(item).swapcase(), "not in the list"),
    (lambda item: _target(item)[::-1], "not in the list"),
    (lambda item: f"{_target(item)}, no: {item.reference['chain'][0]}", "the hash after 0 hops"),
    (_other_end, "another chain"),
]


@pytest.mark.parametrize("phrase", _PHRASINGS)
@pytest.mark.parametrize("chain_of_thought", [False, True])
def test_the_target_passes_however_it_is_phrased(
    phrase: Callable[[Item], str], chain_of_thought: bool
) -> None:
    suite = _suite(chain_of_thought=chain_of_thought)

    assert all(suite.score(item, Answer(text=phrase(item))).passed for item in suite.items)


@pytest.mark.parametrize(("corrupt", "why"), _CORRUPTIONS)
def test_each_corruption_fails_and_says_what_it_is(corrupt: Callable[[Item], str], why: str) -> None:
    suite = _suite()

    verdicts = [suite.score(item, Answer(text=corrupt(item))) for item in suite.items]

    assert not any(verdict.passed for verdict in verdicts)
    assert all(why in verdict.detail for verdict in verdicts)


def test_where_the_chain_is_asked_it_is_reported_whether_all_of_it_is_right() -> None:
    suite = make_hashhop(HashHopParameters(count=1, hops=(4,), tokens=600, chain_of_thought=True))
    (item,) = suite.items
    chain = item.reference["chain"]
    whole = suite.score(item, Answer(text=" -> ".join(chain)))
    guessed = suite.score(item, Answer(text=f"{chain[0]} -> {chain[2]} -> {chain[-1]}"))

    assert whole.passed
    assert whole.also == {"chain": True}
    assert guessed.passed
    assert guessed.also == {"chain": False}
    assert _suite().score(_suite().items[0], Answer(text="")).also == {}


def test_what_was_only_thought_does_not_count() -> None:
    suite = _suite()
    item = suite.items[0]

    assert not suite.score(item, Answer(text="", reasoning=_target(item))).passed


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"count": 0}, "count 0"),
        ({"hops": ()}, "hops"),
        ({"hops": (0,)}, "from 1 to 6"),
        ({"hops": (1, 7)}, "from 1 to 6"),
        ({"hops": (2, 2)}, "twice"),
        ({"tokens": 100}, "tokens 100"),
        ({"tokens": MAX_TOKENS + 1}, "between 400 and 100000"),
    ],
)
def test_parameters_out_of_range_are_named(changed: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        HashHopParameters(**changed)  # type: ignore[arg-type]  # each is of its field's type
