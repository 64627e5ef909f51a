"""Answers that nobody gave, over whole benchmarks, to try the rules where models seldom go.

`python -m tools.eval_agreement.compose --data DIR --prose FILE --out RUN` stores a run of GSM8K and one of
IFEval: references spelled in many ways, and paragraphs of `FILE` that are made to follow about half of the
instructions.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optiq_server.evaluation.datasets import GSM8K, IFEVAL
from optiq_server.evaluation.fingerprint import fingerprint
from optiq_server.evaluation.gsm8k import load_gsm8k
from optiq_server.evaluation.ifeval import load_ifeval
from optiq_server.evaluation.records import Header, Plan, Record
from optiq_server.evaluation.store import open_run, run_file
from optiq_server.evaluation.suite import Answer, Item, Suite

_SHORTEST_PARAGRAPH = 60
_SPELLINGS = (
    "The answer is {0}.",
    "${0}",
    "#### ${0}",
    "#### {0}.",
    r"So \boxed{{{0}}}",
    "#### 1\n{0}",
    "{0} dollars and 3",
    "no idea",
    "#### {0}.00",
    "####{0}",
    "**{0}**",
    "-{0}",
    "{0}%",
    "1/{0}",
    "x={0}, y",
    "#### -{0}",
)
_Edit = Callable[[str, Mapping[str, Any]], str]
_EDITS: Mapping[str, _Edit] = {
    "keywords:existence": lambda text, told: text + " ".join(told["keywords"]),
    "keywords:frequency": lambda text, told: text + f" {told['keyword']}" * told["frequency"],
    "keywords:letter_frequency": lambda text, told: text + told["letter"] * told["let_frequency"],
    "length_constraints:number_paragraphs": lambda _, told: " *** ".join("p" * told["num_paragraphs"]),
    "length_constraints:nth_paragraph_first_word": lambda _, told: "\n\n".join(
        [f"{told['first_word']} x"] * told["num_paragraphs"]
    ),
    "detectable_content:number_placeholders": lambda text, told: text + "[a]" * told["num_placeholders"],
    "detectable_content:postscript": lambda text, told: f"{text}\n{told['postscript_marker']} bye",
    "detectable_format:number_bullet_lists": lambda text, told: (
        text + "\n* x\n- y" * (told["num_bullets"] // 2)
    ),
    "detectable_format:number_highlighted_sections": lambda text, told: (
        text + " *h*" * told["num_highlights"]
    ),
    "detectable_format:multiple_sections": lambda text, told: "".join(
        f"\n{told['section_spliter']} {number}\n{text}" for number in range(told["num_sections"])
    ),
    "detectable_format:json_format": lambda _, __: '```json\n{"a": 1}\n```',
    "detectable_format:title": lambda text, _: f"<<T>>\n{text}",
    "detectable_format:constrained_response": lambda _, __: "My answer is yes.",
    "combination:two_responses": lambda text, _: f"{text}\n******\n{text[:-1]}",
    "combination:repeat_prompt": lambda text, told: f"{told['prompt_to_repeat']}\n{text}",
    "startend:end_checker": lambda text, told: f"{text} {told['end_phrase']}",
    "startend:quotation": lambda text, _: f'"{text}"',
    "change_case:capital_word_frequency": lambda text, told: text + " ABC" * told["capital_frequency"],
    "change_case:english_capital": lambda text, _: text.upper(),
    "change_case:english_lowercase": lambda text, _: text.lower(),
    "punctuation:no_comma": lambda text, _: text.replace(",", ""),
}
_WRAPPINGS = ("{0}",) * 9 + ("Sure!\n{0}", "{0}\n", "**{0}**")


def compose_gsm8k(item: Item, source: random.Random) -> str:
    reference = str(item.reference["answer"])
    if source.random() < 0.05:
        return reference
    return source.choice(_SPELLINGS).format(reference.rpartition("#### ")[2])


def compose_ifeval(item: Item, source: random.Random, prose: Sequence[str]) -> str:
    text = "\n\n".join(source.sample(prose, source.randint(1, 4)))[: source.randint(40, 2500)]
    for name, told in zip(item.reference["instructions"], item.reference["arguments"], strict=True):
        if name in _EDITS and source.random() < 0.5:
            text = _EDITS[name](text, told)
    return source.choice(_WRAPPINGS).format(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="the benchmarks' files")
    parser.add_argument("--prose", type=Path, required=True, help="an English text, a paragraph a line")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    source = random.Random(options.seed)
    lines = options.prose.read_text(encoding="utf-8").splitlines()
    prose = [line for line in lines if len(line) >= _SHORTEST_PARAGRAPH]
    gsm8k = load_gsm8k(options.data / GSM8K.path)
    ifeval = load_ifeval(options.data / IFEVAL.path)
    _store(options.out, gsm8k, {item.id: compose_gsm8k(item, source) for item in gsm8k.items})
    _store(options.out, ifeval, {item.id: compose_ifeval(item, source, prose) for item in ifeval.items})


def _store(folder: Path, suite: Suite, answers: Mapping[str, str]) -> None:
    found = fingerprint(suite.items)
    header = Header(suite=suite.name, fingerprint=found, model="composed", parameters={}, settings={})
    with open_run(run_file(folder, suite.name), header, Plan(limit=None, sample_seed=0)) as writer:
        for name, text in answers.items():
            writer.append(Record(id=name, answer=Answer(text=text)))


if __name__ == "__main__":
    main()
