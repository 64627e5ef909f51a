"""Stop strings: the same result for every way of cutting the text, and no more held back than needed."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from optiq_server.translate.stop import StopStrings

_TEXTS = st.text(alphabet="abc", max_size=30)
_STOPS = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), max_size=4)


def _expected(text: str, stops: list[str]) -> str:
    """By str.find over the whole text: the match that is complete first, the longest of several."""
    matches = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    return text[: min(matches)[1]] if matches else text


def _split(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


@given(text=_TEXTS, stops=_STOPS, cuts=st.lists(st.integers(0, 100), max_size=10))
def test_any_split_gives_what_find_gives_on_the_whole_text(
    text: str, stops: list[str], cuts: list[int]
) -> None:
    stop = StopStrings(stops)

    shown = "".join([*map(stop.feed, _split(text, cuts)), stop.finish()])

    assert shown == _expected(text, stops)
    assert stop.is_matched == any(each in text for each in stops)


@given(text=_TEXTS, stops=_STOPS)
def test_text_is_held_back_only_while_it_can_begin_a_stop_string(text: str, stops: list[str]) -> None:
    stop = StopStrings(stops)

    shown = stop.feed(text)

    if not stop.is_matched:
        held = text[len(shown) :]
        assert not held or any(each.startswith(held) for each in stops)
        longer = [text[start:] for start in range(len(shown))]
        assert not any(each.startswith(rest) for each in stops for rest in longer)


def test_a_stop_string_over_three_pieces_is_found_and_not_shown() -> None:
    stop = StopStrings(["END"])

    shown = [stop.feed("so E"), stop.feed("N"), stop.feed("D and more")]

    assert shown == ["so ", "", ""]
    assert stop.is_matched


def test_the_string_that_matched_is_told() -> None:
    stop = StopStrings(["ND", "END", "x"])

    shown = stop.feed("so END")

    assert (shown, stop.matched) == ("so ", "END")


def test_nothing_is_shown_after_a_match() -> None:
    stop = StopStrings(["x"])
    stop.feed("ax")

    shown = stop.feed("more")

    assert shown == ""
    assert stop.finish() == ""


def test_what_was_held_back_comes_out_at_the_end() -> None:
    stop = StopStrings(["END"])

    assert stop.feed("the E") == "the "
    assert stop.finish() == "E"


def test_a_match_does_not_span_two_texts() -> None:
    stop = StopStrings(["ab"])

    shown = [stop.feed("a"), stop.finish(), stop.feed("b"), stop.finish()]

    assert shown == ["", "a", "b", ""]
    assert not stop.is_matched
