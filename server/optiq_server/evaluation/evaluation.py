"""One evaluation from beginning to end: suites, a server, stored answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq_server.evaluation.client import ChatClient, open_http, served_model
from optiq_server.evaluation.completion import Generation
from optiq_server.evaluation.datasets import DataSource
from optiq_server.evaluation.errors import ForeignRun, RunDamaged
from optiq_server.evaluation.fingerprint import fingerprint
from optiq_server.evaluation.patience import Patience
from optiq_server.evaluation.progress import Progress
from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.registry import SUITES, Parameters, load_suite, read_parameters, used_parameters
from optiq_server.evaluation.result import SuiteResult, score_run
from optiq_server.evaluation.runner import ask_all
from optiq_server.evaluation.sample import choose
from optiq_server.evaluation.store import RunWriter, open_run, read_run, run_file
from optiq_server.evaluation.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom to ask. `model` is the name in requests; None takes the first that the server lists."""

    base_url: str
    api_key: str | None = None
    model: str | None = None
    concurrency: int = 8

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"a concurrency of {self.concurrency}: it must be at least 1")
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(
                f"{self.base_url!r} is no http:// or https:// address, such as http://127.0.0.1:8080/v1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is asked, and how. `temperature` to `reasoning_effort` are those of `Generation`."""

    plan: Plan
    parameters: Parameters
    patience: Patience
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int | None = None
    reasoning_effort: str | None = None

    def generation(self, model: str) -> Generation:
        return Generation(
            model=model,
            temperature=self.temperature,
            seed=self.seed,
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What of it changes answers."""
        return {
            "temperature": self.temperature,
            "seed": self.seed,
            "max_tokens": self.max_tokens,
            "reasoning_effort": self.reasoning_effort,
        }


async def answer_suites(
    suites: Sequence[Suite], server: Server, run: Run, folder_of: Callable[[str], Path], progress: Progress
) -> None:
    """Ask what is not answered yet, and keep the answers in the model's folder. Raises an EvaluationError."""
    async with open_http(server.base_url, server.api_key, server.concurrency) as http:
        model = server.model or await served_model(http)
        client = ChatClient(http, run.generation(model), run.patience)
        for suite in suites:
            header = Header(
                suite=suite.name,
                fingerprint=fingerprint(suite.items),
                model=model,
                parameters=used_parameters(suite.name, run.parameters),
                settings=run.settings,
            )
            with open_run(run_file(folder_of(model), suite.name), header, run.plan) as writer:
                await _answer(suite, client, writer, server.concurrency, run, progress)


async def _answer(
    suite: Suite, client: ChatClient, writer: RunWriter, concurrency: int, run: Run, progress: Progress
) -> None:
    answered = {name for name, record in writer.records.items() if record.answer is not None}
    planned = choose(suite.items, run.plan.limit, run.plan.sample_seed)
    missing = [item for item in planned if item.id not in answered]
    progress.begin(suite.name, len(missing))

    def record(line: Record) -> None:
        writer.append(line)
        progress.advance()

    deadline = run.patience.deadline
    await ask_all(suite, missing, client, concurrency=concurrency, deadline=deadline, record=record)


def score_folder(folder: Path, source: DataSource, names: Sequence[str] = SUITES) -> list[SuiteResult]:
    """The results of the runs of `names` that are stored in `folder`. Raises an EvaluationError."""
    runs = {name: read_run(path) for name in names if (path := run_file(folder, name)).is_file()}
    models = {run.header.model for run in runs.values()}
    if len(models) > 1:
        raise ForeignRun(f"{folder} holds runs of several models: {', '.join(sorted(models))}")
    scored = [score_run(load_suite(name, source, _parameters(run.header)), run) for name, run in runs.items()]
    results = [result for result in scored if result is not None]
    if not results:
        raise RunDamaged(f"{folder} holds no answers of any of {', '.join(names)}")
    return results


def _parameters(header: Header) -> Parameters:
    try:
        return read_parameters(header.parameters)
    except (TypeError, ValueError) as error:
        raise RunDamaged(f"the stored run of {header.suite} has other parameters: {error}") from error
