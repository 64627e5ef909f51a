"""The tool that compares our verdicts with lm-eval's: what it writes, replays and reads."""

import json
from pathlib import Path

import httpx
import pytest

from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.store import StoredRun
from optiq_server.evaluation.suite import Answer, Outcome, Verdict
from tests.evaluation.sums import make_sums
from tools.eval_agreement.local_tasks import GSM8K, write_gsm8k
from tools.eval_agreement.replay import answers_of, replay_app
from tools.eval_agreement.verdicts import Disagreement, disagreements, gsm8k_ours, gsm8k_theirs, read_samples

_THEIRS = """\
tag:
  - math
task: gsm8k
dataset_path: openai/gsm8k
doc_to_text: "Question: {{question}}"
doc_to_target: "{{answer}}"
filter_list:
  - name: "strict-match"
"""


def test_lm_evals_task_keeps_its_rules_and_reads_our_items(tmp_path: Path) -> None:
    package = tmp_path / "lm_eval"
    (package / "tasks" / "gsm8k").mkdir(parents=True)
    (package / "tasks" / "gsm8k" / "gsm8k.yaml").write_text(_THEIRS)

    write_gsm8k(package, tmp_path, make_sums(2).items)

    task = (tmp_path / f"{GSM8K}.yaml").read_text()
    rows = [json.loads(line) for line in (tmp_path / f"{GSM8K}.jsonl").read_text().splitlines()]
    assert "openai/gsm8k" not in task
    assert "math" not in task
    assert 'doc_to_target: "{{answer}}"\nfilter_list:\n  - name: "strict-match"\n' in task
    assert rows[1] == {"id": "1", "prompt": "1 + 1", "answer": "2"}


async def test_a_replayed_question_gets_its_stored_answer_and_no_other_does() -> None:
    header = Header(suite="sums", fingerprint="", model="m", parameters={}, settings={})
    records = {"0": Record(id="0", answer=Answer(text="1")), "1": Record(id="1", error="none")}
    run = StoredRun(header=header, plan=Plan(limit=None, sample_seed=0), records=records)
    transport = httpx.ASGITransport(replay_app(answers_of(make_sums(2).items, run)))

    async with httpx.AsyncClient(transport=transport, base_url="http://replay/v1/") as client:
        bodies = [{"messages": [{"role": "user", "content": text}]} for text in ("0 + 1", "1 + 1")]
        known, unknown = [await client.post("chat/completions", json=body) for body in bodies]

    assert known.json()["choices"][0]["message"]["content"] == "1"
    assert unknown.status_code == 404


def test_a_measure_that_differs_is_named(tmp_path: Path) -> None:
    samples = [
        {"doc": {"id": 7}, "filter": "strict-match", "exact_match": 0.0},
        {"doc": {"id": 7}, "filter": "flexible-extract", "exact_match": 1.0},
    ]
    (tmp_path / "model").mkdir()
    log = tmp_path / "model" / "samples_gsm8k_2026.jsonl"
    log.write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    ours = {"7": gsm8k_ours(Verdict(outcome=Outcome.FAILED, also={"strict": False})), "8": {}}

    found = list(disagreements(gsm8k_theirs(read_samples(tmp_path, "gsm8k")), ours))

    assert found == [Disagreement(id="7", measure="passed", theirs=True, ours=False)]


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="samples_gsm8k"):
        read_samples(tmp_path, "gsm8k")
