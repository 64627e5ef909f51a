"""Evaluations over a real socket and a real disk."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.responses import Response

from optiq_quant.progress import SilentReporter
from optiq_server.evaluation.datasets import DataSource, Published
from optiq_server.evaluation.errors import ForeignRun, RunDamaged
from optiq_server.evaluation.evaluation import Run, Server, answer_suites, score_folder
from optiq_server.evaluation.patience import Patience
from optiq_server.evaluation.pocket import Pocket, load_pocket
from optiq_server.evaluation.records import Plan
from optiq_server.evaluation.registry import Parameters
from optiq_server.evaluation.result import SuiteResult
from tests.evaluation.chat_server import MODEL, Body, ChatServer, chat_server, completion, refusal

_RUN = Run(
    plan=Plan(limit=35, sample_seed=0),
    parameters=Parameters(),
    patience=Patience(attempts=2, first_pause=0.001),
)


def _nothing(_: Published, __: Path) -> None:
    raise OSError("offline")


def _source(tmp_path: Path) -> DataSource:
    return DataSource(folder=None, cache=tmp_path / "cache", fetch=_nothing)


class _Oracle:
    """Knows the pocket tasks; it answers the questions in `broken` with a fault."""

    def __init__(self, suite: Pocket, broken: frozenset[str] = frozenset()) -> None:
        self._items = {str(item.messages[-1]["content"]): item for item in suite.items}
        self._broken = broken

    def __call__(self, body: Body) -> Response:
        asked = [message for message in body["messages"] if message["role"] == "user"][-1]["content"]
        item = self._items[asked]
        if item.id in self._broken:
            return refusal(500)
        call = item.reference.get("call")
        if call is not None and body["messages"][-1]["role"] != "tool":
            return completion(None, reasoning="call", call=(call["name"], json.dumps(call["arguments"])))
        return completion(item.reference["answer"])


@pytest.fixture(name="suite", scope="module")
def _suite() -> Pocket:
    return load_pocket()


async def _evaluate(suite: Pocket, server: ChatServer, tmp_path: Path, run: Run = _RUN) -> SuiteResult:
    whom = Server(base_url=server.base_url, concurrency=4)
    await answer_suites([suite], whom, run, lambda model: tmp_path / model, SilentReporter())
    [result] = score_folder(tmp_path / MODEL, _source(tmp_path))
    return result


async def test_right_answers_score_100_percent_and_tool_loops_are_real(suite: Pocket, tmp_path: Path) -> None:
    with chat_server(_Oracle(suite)) as server:
        result = await _evaluate(suite, server, tmp_path)

    roles = Counter(body["messages"][-1]["role"] for body in server.bodies)
    assert (result.accuracy.value, len(result.judged), result.complete) == (1.0, 35, True)
    assert roles == {"user": 35, "tool": 5}
    assert {body["reasoning_effort"] for body in server.bodies} == {"low", "medium", "high"}


async def test_a_run_goes_on_where_it_stopped_and_asks_again_what_had_no_answer(
    suite: Pocket, tmp_path: Path
) -> None:
    chosen = [item.id for item in suite.items if item.cluster == "add"]
    with chat_server(_Oracle(suite, broken=frozenset(chosen))) as server:
        first = await _evaluate(suite, server, tmp_path)
    with chat_server(_Oracle(suite)) as server:
        second = await _evaluate(suite, server, tmp_path)
    with chat_server(_Oracle(suite)) as idle:
        third = await _evaluate(suite, idle, tmp_path)

    assert len(first.errors) == 5
    assert first.accuracy.value == pytest.approx(30 / 35)
    assert len(server.bodies) == 5
    assert (second.errors, second.accuracy.value) == ([], 1.0)
    assert idle.bodies == []
    assert third == second


async def test_a_larger_limit_asks_only_what_is_new(suite: Pocket, tmp_path: Path) -> None:
    larger = replace(_RUN, plan=Plan(limit=42, sample_seed=0))

    with chat_server(_Oracle(suite)) as server:
        await _evaluate(suite, server, tmp_path)
        before = len(server.bodies)
        result = await _evaluate(suite, server, tmp_path, larger)

    assert len(result.judged) == 42
    assert len(server.bodies) - before == 7 + 1  # one of the seven is a tool loop


async def test_other_settings_are_another_run(suite: Pocket, tmp_path: Path) -> None:
    with chat_server(_Oracle(suite)) as server:
        await _evaluate(suite, server, tmp_path)
        with pytest.raises(ForeignRun, match="its settings is"):
            await _evaluate(suite, server, tmp_path, replace(_RUN, temperature=1.0))


async def test_scores_from_the_stored_file_alone_are_the_same(suite: Pocket, tmp_path: Path) -> None:
    with chat_server(_Oracle(suite)) as server:
        result = await _evaluate(suite, server, tmp_path)

    assert score_folder(tmp_path / MODEL, _source(tmp_path)) == [result]


async def test_runs_of_several_models_in_one_folder_are_refused(suite: Pocket, tmp_path: Path) -> None:
    with chat_server(_Oracle(suite)) as server:
        await _evaluate(suite, server, tmp_path)
    path = tmp_path / MODEL / "pocket.jsonl"
    (tmp_path / MODEL / "gsm8k.jsonl").write_text(path.read_text().replace(f'"{MODEL}"', '"other"', 1))

    with pytest.raises(ForeignRun, match="several models: other, scripted"):
        score_folder(tmp_path / MODEL, _source(tmp_path))


def test_a_folder_without_answers_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunDamaged, match="holds no answers"):
        score_folder(tmp_path, _source(tmp_path))


def test_impossible_servers_are_refused() -> None:
    with pytest.raises(ValueError, match="no http:// or https:// address"):
        Server(base_url="127.0.0.1:8080/v1")
    with pytest.raises(ValueError, match="concurrency of 0"):
        Server(base_url="http://127.0.0.1/v1", concurrency=0)
