"""Each of IFEval's 25 instructions: responses that follow it, and responses that break it."""

from typing import Any

import pytest

from optiq_server.evaluation.ifeval_checks import CHECKS, Unverifiable, follows

_ENGLISH = "The quick brown fox jumps over the lazy dog while the children are playing in the garden"
_GERMAN = "Der schnelle braune Fuchs springt über den faulen Hund, während die Kinder im Garten spielen."

_Case = tuple[str, dict[str, Any], list[str], list[str]]
_CASES: list[_Case] = [
    ("keywords:existence", {"keywords": ["sun", "moon"]}, ["Moon and SUN"], ["moon", ""]),
    (
        "keywords:frequency",
        {"keyword": " sun", "frequency": 2, "relation": "at least"},
        ["sun, Sunday"],
        ["sun"],
    ),
    ("keywords:frequency", {"keyword": "sun", "frequency": 2, "relation": "less than"}, ["sun"], ["sun sun"]),
    ("keywords:forbidden_words", {"forbidden_words": ["sun"]}, ["sunny"], ["The Sun!"]),
    (
        "keywords:letter_frequency",
        {"letter": "E", "let_frequency": 3, "let_relation": "at least"},
        ["Eee"],
        ["ee"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "less than"},
        ["one #"],
        ["## two"],
    ),
    ("language:response_language", {"language": "de"}, [_GERMAN], [_ENGLISH]),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        ["Dr. Smith came. He saw."],
        ["Dr. Smith came to Mr. Jones."],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["It costs 3.50, says Mr. Brown."],
        ["One. Two."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a *** b", "***a***b***"],
        ["a", "a *** *** b"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "at least"},
        ["one two-three"],
        ["one two"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "less than"},
        ["one two"],
        ["one two three"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Then"},
        ['First.\n\n"then, it'],
        ["Then\n\nfirst", "Then", "a\n\nthen\n\nb"],
    ),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[name] [a b]"], ["[name]"]),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Bye\nP.S. more", "p. s. x"],
        ["PS more"],
    ),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["P.P.S. more"], ["P.S. more"]),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n- b"],
        ["* a", "* a\n* b\n* c", "**a**"],
    ),
    ("detectable_format:constrained_response", {}, ["My answer is maybe."], ["Maybe."]),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* and **b**", "*a* *b*"],
        ["*a*", "** **"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\nx\nSection 2\ny"],
        ["Section 1\nx", "Section A\nSection B"],
    ),
    ("detectable_format:json_format", {}, ['{"a": 1}', '```json\n{"a": [1]}\n```'], ["{a: 1}", "text"]),
    ("detectable_format:title", {}, ["<<a title>>\ntext"], ["<a title>", "<< >>"]),
    (
        "combination:two_responses",
        {},
        ["a\n******\nb"],
        ["a", "a******a", "a******b******c", "a************b"],
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say Hi."}, ["say hi. Hello"], ["Hello. Say hi."]),
    ("startend:end_checker", {"end_phrase": "The End."}, ['Done. the end."'], ["The end. Or not"]),
    ("startend:quotation", {}, [' "quoted" '], ['"', 'not "quoted"']),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["NASA and the UN."],
        ["NASA and the Un"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "less than"},
        ["ONE-TWO"],
        ["ONE TWO"],
    ),
    ("change_case:english_capital", {}, [_ENGLISH.upper()], [_ENGLISH, _GERMAN.upper()]),
    ("change_case:english_lowercase", {}, [_ENGLISH.lower()], [_ENGLISH, _GERMAN.lower()]),
    ("punctuation:no_comma", {}, ["none; here"], ["one, two"]),
]


def test_every_instruction_has_a_case() -> None:
    assert len(CHECKS) == 25
    assert {case[0] for case in _CASES} == set(CHECKS)


@pytest.mark.parametrize(("instruction", "arguments", "compliant", "violating"), _CASES)
def test_what_follows_passes_and_what_does_not_fails(
    instruction: str, arguments: dict[str, Any], compliant: list[str], violating: list[str]
) -> None:
    assert [follows(instruction, response, arguments) for response in compliant] == [True] * len(compliant)
    assert [follows(instruction, response, arguments) for response in violating] == [False] * len(violating)


def test_an_unknown_instruction_is_never_followed() -> None:
    with pytest.raises(Unverifiable, match="unknown instruction mood:cheerful"):
        follows("mood:cheerful", "Hooray!", {})


@pytest.mark.parametrize(
    ("instruction", "arguments"),
    [
        ("keywords:existence", {}),
        ("keywords:existence", {"keywords": ["("]}),
        ("keywords:frequency", {"keyword": "a", "frequency": None, "relation": "at least"}),
        ("length_constraints:number_words", {"num_words": 3, "relation": "about"}),
        ("language:response_language", {"language": "de"}),
    ],
)
def test_what_a_rule_cannot_decide_is_unverifiable(instruction: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(Unverifiable):
        follows(instruction, "123", arguments)
