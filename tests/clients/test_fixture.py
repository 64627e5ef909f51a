"""What coding agents really send, as `python -m tools.clients --keep tests/data/clients` has written it."""

from itertools import pairwise
from pathlib import Path

import pytest

from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.dialect.protocol import RenderedPrompt
from tools.clients.fixture import Sent, read_fixture

_FOLDER = Path("tests/data/clients")
_CLIENTS = ["cn", "codex", "opencode"]


def _task_of(client: str) -> list[Sent]:
    """The requests of the task itself, in order."""
    return [sent for sent in read_fixture(_FOLDER / f"{client}.json.gz") if sent.offers_tools]


def _restorable(earlier: RenderedPrompt, later: RenderedPrompt) -> int:
    """How many tokens of `later` stand before the last end of a message that both prompts have alike."""
    return max(
        (end for end in earlier.boundaries if earlier.ids[:end] == later.ids[:end]),
        default=0,
    )


@pytest.mark.parametrize("client", _CLIENTS)
def test_a_task_takes_two_calls_and_an_answer(client: str) -> None:
    assert len(_task_of(client)) == 3


@pytest.mark.parametrize("client", _CLIENTS)
def test_each_body_becomes_as_many_tokens_as_when_it_was_received(
    client: str, dialect: HarmonyDialect
) -> None:
    requests = read_fixture(_FOLDER / f"{client}.json.gz")

    lengths = [len(sent.prompt(dialect).ids) for sent in requests]

    assert lengths == [sent.prompt_tokens for sent in requests]


@pytest.mark.parametrize("client", _CLIENTS)
def test_each_prompt_begins_with_the_whole_prompt_before_it(client: str, dialect: HarmonyDialect) -> None:
    prompts = [sent.prompt(dialect) for sent in _task_of(client)]

    for earlier, later in pairwise(prompts):
        assert later.ids[: len(earlier.ids)] == earlier.ids


@pytest.mark.parametrize("client", _CLIENTS)
def test_nearly_all_of_a_later_prompt_can_be_restored_at_the_end_of_a_message(
    client: str, dialect: HarmonyDialect
) -> None:
    prompts = [sent.prompt(dialect) for sent in _task_of(client)]

    for earlier, later in pairwise(prompts):
        assert _restorable(earlier, later) >= 0.9 * len(later.ids)
