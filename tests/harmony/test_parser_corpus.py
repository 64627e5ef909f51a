import json
from pathlib import Path

import pytest

from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.spelling import Speller, parse, spell

_GOLDENS = sorted((Path(__file__).parent / "corpus").glob("*.json"))


@pytest.mark.parametrize("golden", _GOLDENS, ids=lambda golden: golden.stem)
def test_a_shape_seen_in_the_wild_gives_the_events_written_beside_it(
    vocabulary: Vocabulary, speller: Speller, golden: Path
) -> None:
    shape = json.loads(golden.read_text(encoding="utf-8"))

    events = parse(vocabulary, speller.tokens(shape["tokens"]))

    assert spell(events) == shape["events"]
