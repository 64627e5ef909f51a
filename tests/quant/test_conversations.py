"""The shipped calibration text is what its README says."""

import json
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from optiq_harmony.vocabulary import Vocabulary

_SHARES = {"measure": 0.5, "select": 0.2, "report": 0.3}
_ROLES = {"system", "developer", "user", "assistant", "tool"}
_TOPICS = {
    "chat",
    "code",
    "creative",
    "explanation",
    "json",
    "languages",
    "long",
    "maths",
    "summary",
    "tools",
}

Conversation = dict[str, Any]


def _conversations() -> list[Conversation]:
    text = files("optiq_quant").joinpath("calibration", "conversations.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _texts(conversation: Conversation) -> Iterator[str]:
    """Everything that would be rendered, piece by piece."""
    for message in conversation["messages"]:
        yield message.get("content") or ""
        yield message.get("reasoning") or ""
        for call in message.get("tool_calls", []):
            yield call["arguments"]
    for tool in conversation.get("tools", []):
        yield json.dumps(tool)


def _paragraphs(conversation: Conversation) -> set[str]:
    pieces = (piece.strip() for text in _texts(conversation) for piece in text.split("\n\n"))
    return {piece for piece in pieces if len(piece) >= 40}


@pytest.fixture(name="conversations", scope="module")
def _loaded() -> list[Conversation]:
    return _conversations()


@pytest.fixture(name="tokens", scope="module")
def _tokens(conversations: list[Conversation], tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many tokens each conversation has, by id."""
    vocabulary = Vocabulary.load(tmp_path_factory.mktemp("vocabulary"))
    return {each["id"]: sum(len(vocabulary.encode_text(t)) for t in _texts(each)) for each in conversations}


@pytest.mark.parametrize("conversation", _conversations(), ids=lambda each: str(each["id"]))
def test_each_conversation_has_the_documented_form(conversation: Conversation) -> None:
    assert set(conversation) - {"tools"} == {"id", "split", "topic", "messages"}
    assert conversation["split"] in _SHARES
    assert conversation["topic"] in _TOPICS
    for message in conversation["messages"]:
        assert message["role"] in _ROLES
        assert set(message) <= {"role", "content", "reasoning", "tool_calls", "name"}
        assert message["content"] or message.get("tool_calls")
    last = conversation["messages"][-1]
    assert last["role"] == "assistant"
    assert last["content"]


@pytest.mark.parametrize("conversation", _conversations(), ids=lambda each: str(each["id"]))
def test_calls_name_tools_of_the_conversation_and_are_answered_in_order(conversation: Conversation) -> None:
    tools = {tool["name"]: tool["parameters"] for tool in conversation.get("tools", [])}
    waiting: list[str] = []

    for message in conversation["messages"]:
        if message["role"] == "tool":
            assert message["name"] == waiting.pop(0)
            continue
        assert not waiting
        for call in message.get("tool_calls", []):
            arguments, parameters = json.loads(call["arguments"]), tools[call["name"]]
            assert set(arguments) <= set(parameters["properties"])
            assert set(parameters.get("required", [])) <= set(arguments)
            waiting.append(call["name"])

    assert not waiting
    assert not tools or any(message["role"] == "tool" for message in conversation["messages"])


def test_each_turn_of_the_assistant_is_preceded_by_analysis(conversations: list[Conversation]) -> None:
    turns = [
        message for each in conversations for message in each["messages"] if message["role"] == "assistant"
    ]

    with_analysis = [message for message in turns if message.get("reasoning")]

    assert len(with_analysis) >= 0.98 * len(turns)


def test_ids_and_prompts_are_unique(conversations: list[Conversation]) -> None:
    ids = Counter(each["id"] for each in conversations)
    prompts = Counter(
        message["content"]
        for each in conversations
        for message in each["messages"]
        if message["role"] == "user"
    )

    assert set(ids.values()) == {1}
    assert set(prompts.values()) == {1}


def test_no_paragraph_stands_in_two_splits(conversations: list[Conversation]) -> None:
    paragraphs = {
        split: set().union(*(_paragraphs(each) for each in conversations if each["split"] == split))
        for split in _SHARES
    }

    for one, other in combinations(_SHARES, 2):
        assert not paragraphs[one] & paragraphs[other]


def test_the_splits_have_their_shares_of_the_tokens(
    conversations: list[Conversation], tokens: dict[str, int]
) -> None:
    total = sum(tokens.values())

    assert total >= 45_000
    for split, share in _SHARES.items():
        found = sum(tokens[each["id"]] for each in conversations if each["split"] == split)
        assert abs(found / total - share) < 0.05


def test_each_topic_is_in_each_split_with_something_to_measure_on(
    conversations: list[Conversation], tokens: dict[str, int]
) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for each in conversations:
        counted[each["topic"], each["split"]] += tokens[each["id"]]

    assert set(counted) == {(topic, split) for topic in _TOPICS for split in _SHARES}
    assert min(counted.values()) >= 200


def test_long_conversations_are_long(conversations: list[Conversation], tokens: dict[str, int]) -> None:
    lengths = [tokens[each["id"]] for each in conversations if each["topic"] == "long"]

    assert len(lengths) >= 6
    assert min(lengths) >= 1_500


def test_languages_are_told_apart_by_their_ids(conversations: list[Conversation]) -> None:
    languages = {each["id"].split("-")[1] for each in conversations if each["topic"] == "languages"}

    assert languages == {"ar", "de", "es", "fr", "hi", "it", "ja", "pt", "ru", "zh"}


def test_the_readme_stands_beside_it() -> None:
    folder = Path(str(files("optiq_quant").joinpath("calibration")))

    assert "license" in (folder / "README.md").read_text(encoding="utf-8")
