"""What a fingerprint tells apart."""

from dataclasses import replace

from optiq_server.evaluation.fingerprint import fingerprint
from tests.evaluation.sums import make_sums

_ITEMS = make_sums(3).items


def test_the_same_items_have_the_same_fingerprint_on_every_machine() -> None:
    assert fingerprint(_ITEMS) == fingerprint(make_sums(3).items)
    assert fingerprint(()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_whatever_is_asked_or_compared_with_is_in_it() -> None:
    item = _ITEMS[0]
    others = [
        replace(item, id="x"),
        replace(item, cluster="x"),
        replace(item, messages=({"role": "user", "content": "x"},)),
        replace(item, reference={"answer": "x"}),
        replace(item, tools=({"type": "function"},)),
        replace(item, max_tokens=1),
        replace(item, reasoning_effort="low"),
    ]

    assert len({fingerprint([each]) for each in (item, *others)}) == 8
    assert fingerprint(_ITEMS[:2]) != fingerprint(_ITEMS)
