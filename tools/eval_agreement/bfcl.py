"""`python -m tools.eval_agreement.bfcl --data DIR --bfcl-eval DIR`: our match beside BFCL's own checker.

`--bfcl-eval` is the folder into which the wheel of `bfcl-eval` was unpacked; installed it would bring the
clients of all model providers along. The calls are the reference answers, most of them changed at random; a
part of the possible answers is changed as well, so that rare rules are met.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from optiq_server.evaluation.bfcl import load_bfcl
from optiq_server.evaluation.bfcl_match import mismatch
from optiq_server.evaluation.datasets import BFCL_ANSWERS, BFCL_QUESTIONS

_MODEL = "any"
_ROUNDS = 150
_SEED = 0

Checker = Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bfcl-eval", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help="calls of each of the 400 functions")
    options = parser.parse_args()
    suite = load_bfcl(options.data / BFCL_QUESTIONS.path, options.data / BFCL_ANSWERS.path)
    theirs = _checker(options.bfcl_eval)
    source = random.Random(_SEED)
    found: Counter[str] = Counter()
    for _ in range(options.rounds):
        for item in suite.items:
            found[_compare(theirs, item.reference["function"], item.reference["possible"], source)] += 1
    print(dict(found))


def _checker(folder: Path) -> Checker:
    """Their checker, without the table of all models, for which it would import every provider's client."""
    models = ModuleType("bfcl_eval.constants.model_config")
    models.__dict__["MODEL_CONFIG_MAPPING"] = {_MODEL: SimpleNamespace(underscore_to_dot=False)}
    sys.modules[models.__name__] = models
    sys.path.insert(0, str(folder))
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    def check(function: dict[str, Any], arguments: dict[str, Any], possible: dict[str, Any]) -> bool:
        name = function["name"]
        calls, answers = [{name: arguments}], [{name: possible}]
        valid: bool = ast_checker([function], calls, answers, Language.PYTHON, "simple", _MODEL)["valid"]
        return valid

    return check


def _compare(
    theirs: Checker, function: dict[str, Any], possible: dict[str, Any], source: random.Random
) -> str:
    arguments, possible = _changed(possible, source)
    try:
        expected = theirs(function, arguments, possible)
    except (AttributeError, TypeError):
        # The changed possible answers have no shape that it knows.
        return "their checker raised"
    if (mismatch(function, arguments, possible) is None) != expected:
        print(f"differs: {function['name']} {arguments} {possible}, they say {expected}", file=sys.stderr)
        return "differs"
    return "both right" if expected else "both wrong"


def _changed(possible: dict[str, Any], source: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments out of the possible answers, and these, both changed now and then."""
    arguments = {name: _filled(source.choice(values), source) for name, values in possible.items()}
    if source.random() < 0.8:
        arguments = {name: value for name, value in arguments.items() if value != ""}
    if arguments and source.random() < 0.7:
        name = source.choice(list(arguments))
        arguments[name] = _spoilt(arguments[name], source)
        if source.random() < 0.15:
            del arguments[name]
    if source.random() < 0.05:
        arguments["no_such_parameter"] = 1
    if source.random() < 0.2:
        name = source.choice(list(possible))
        possible = {**copy.deepcopy(possible), name: [_spoilt(value, source) for value in possible[name]]}
    return json.loads(json.dumps(arguments)), possible


def _filled(value: object, source: random.Random) -> object:
    if isinstance(value, dict):
        return {key: _filled(source.choice(values), source) for key, values in value.items()}
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [_filled(each, source) for each in value]
    return value


def _spoilt(value: object, source: random.Random) -> object:
    """The value in another shape, or as it is."""
    shapes: list[object] = [str(value), [value], True, None, [], {}, "", value]
    if isinstance(value, int | float):
        shapes += [float(value), int(value)]
    if isinstance(value, str):
        shapes += [value.upper() + " .", value.lower()]
    if isinstance(value, list):
        shapes += [value[::-1], [_spoilt(each, source) for each in value]]
    if isinstance(value, dict):
        shapes += [{key: _spoilt(each, source) for key, each in value.items()}, dict(list(value.items())[1:])]
    return source.choice(shapes)


if __name__ == "__main__":
    main()
