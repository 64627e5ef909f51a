"""`python -m tools.eval_agreement --run DIR --data DIR --lm-eval PYTHON`: our scores beside lm-eval's.

`DIR` holds answers that `optiq eval --suite gsm8k,ifeval --out DIR` stored; `PYTHON` is the interpreter of an
environment with `lm-eval[api,ifeval]==0.4.13`. lm-eval asks a server that replays the stored answers, so both
score the very same texts by their own code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from optiq_server.evaluation.datasets import DataSource
from optiq_server.evaluation.fetch import fetch
from optiq_server.evaluation.registry import Parameters, load_suite
from optiq_server.evaluation.store import StoredRun, read_run, run_file
from optiq_server.evaluation.suite import Answer, Item, Suite
from optiq_server.settings import default_cache_folder
from tools.eval_agreement.local_tasks import GSM8K, IFEVAL, write_gsm8k, write_ifeval, write_punkt
from tools.eval_agreement.replay import answers_of, replay_app
from tools.eval_agreement.verdicts import (
    Scores,
    disagreements,
    gsm8k_ours,
    gsm8k_theirs,
    ifeval_ours,
    ifeval_theirs,
    read_samples,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A suite, its stored run, and the items that were answered."""

    suite: Suite
    run: StoredRun
    items: list[Item]

    @property
    def answers(self) -> dict[str, Answer]:
        return answers_of(self.items, self.run)

    def scores(self, measures: Callable[..., Scores]) -> dict[str, Scores]:
        found = ((item, self.run.records[item.id].answer) for item in self.items)
        return {
            item.id: measures(self.suite.score(item, answer)) for item, answer in found if answer is not None
        }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="stored answers of gsm8k and ifeval")
    parser.add_argument("--data", type=Path, help="the benchmarks' files")
    parser.add_argument("--lm-eval", type=Path, required=True, help="the interpreter that has lm-eval")
    options = parser.parse_args()
    source = DataSource(folder=options.data, cache=default_cache_folder() / "eval", fetch=fetch)
    gsm8k, ifeval = (_stored(name, options.run, source) for name in ("gsm8k", "ifeval"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        package = _package(options.lm_eval)
        write_gsm8k(package, folder, gsm8k.items)
        write_ifeval(package, folder, ifeval.items)
        write_punkt(folder / "nltk")
        with _serving(gsm8k.answers | ifeval.answers) as base_url:
            _run_lm_eval(options.lm_eval, folder, base_url)
        theirs_gsm8k = gsm8k_theirs(read_samples(folder, GSM8K))
        theirs_ifeval = ifeval_theirs(read_samples(folder, IFEVAL))
    agree = _print("gsm8k", theirs_gsm8k, gsm8k.scores(gsm8k_ours))
    return 0 if _print("ifeval", theirs_ifeval, ifeval.scores(ifeval_ours)) and agree else 1


def _stored(name: str, folder: Path, source: DataSource) -> Stored:
    run = read_run(run_file(folder, name))
    suite = load_suite(name, source, Parameters(**run.header.parameters))
    answered = {key for key, record in run.records.items() if record.answer is not None}
    return Stored(suite=suite, run=run, items=[item for item in suite.items if item.id in answered])


def _package(python: Path) -> Path:
    code = "import importlib.util; print(importlib.util.find_spec('lm_eval').origin)"
    found = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return Path(found.stdout.strip()).parent


@contextmanager
def _serving(answers: Mapping[str, Answer]) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(replay_app(answers), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/v1/chat/completions"
    finally:
        server.should_exit = True
        thread.join()


def _run_lm_eval(python: Path, folder: Path, base_url: str) -> None:
    command = [
        *(str(python), "-m", "lm_eval", "run", "--model", "local-chat-completions"),
        *("--model_args", f"base_url={base_url},model=replay,num_concurrent=4"),
        *("--tasks", f"{GSM8K},{IFEVAL}", "--include_path", str(folder), "--apply_chat_template"),
        *("--log_samples", "--output_path", str(folder / "out")),
    ]
    environment = {**os.environ, "NLTK_DATA": str(folder / "nltk"), "HF_HUB_OFFLINE": "1"}
    subprocess.run(command, check=True, env=environment, stdout=sys.stderr)


def _print(name: str, theirs: Mapping[str, Scores], ours: Mapping[str, Scores]) -> bool:
    differing = list(disagreements(theirs, ours))
    common = len(theirs.keys() & ours.keys())
    measures = list(next(iter(theirs.values())))
    print(f"{name}: {common} items")
    for measure in measures:
        count = sum(each.measure == measure for each in differing)
        right = sum(_passed(ours[item][measure]) for item in theirs.keys() & ours.keys())
        print(f"  {measure}: {common - count} of {common} agree; {right} passed by our rule")
    for each in differing:
        print(f"  {each.id}, {each.measure}: lm-eval {each.theirs}, ours {each.ours}")
    return not differing


def _passed(value: bool | tuple[bool, ...]) -> bool:
    return all(value) if isinstance(value, tuple) else value


if __name__ == "__main__":
    sys.exit(main())
