"""IFEval's 25 verifiable instructions (Zhou et al. 2023), each as one rule over a response. Pure.

The rules are the benchmark's own, quirks included: keywords are regular expressions, bullets may be `*` or
`-`, an empty first or last part is forgiven. What a rule cannot decide is `Unverifiable`, never true.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from optiq_server.evaluation.ifeval_text import count_words, language, sentences, tokens

Arguments: TypeAlias = Mapping[str, Any]
"""An instruction's arguments, as the data set has them."""
Check: TypeAlias = Callable[[str, Arguments], bool]

_OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_POSTSCRIPTS = {"P.P.S": r"\s*p\.\s?p\.\s?s.*$", "P.S.": r"\s*p\.\s?s\..*$"}
_FENCES = ("```json", "```Json", "```JSON", "```")
_WORD_ENDS = frozenset(".,?!'\"")


class Unverifiable(ValueError):
    """An instruction that no rule decides: its id or an argument is unknown, or nothing can be detected."""


def follows(instruction: str, response: str, arguments: Arguments) -> bool:
    """Whether `response` follows the instruction with that id. Raises Unverifiable."""
    check = CHECKS.get(instruction)
    if check is None:
        raise Unverifiable(f"unknown instruction {instruction}")
    try:
        return check(response, arguments)
    except (KeyError, TypeError, AttributeError, re.error) as error:
        raise Unverifiable(f"{instruction} cannot be checked with {dict(arguments)}: {error!r}") from error


def _same(found: object, wanted: object) -> bool:
    return found == wanted


def _at_least(count: int, threshold: int) -> bool:
    return count >= threshold


def _enough(count: int, relation: str, threshold: int) -> bool:
    if relation == "less than":
        return count < threshold
    if relation == "at least":
        return count >= threshold
    raise Unverifiable(f"unknown relation {relation!r}")


def _keywords_exist(response: str, arguments: Arguments) -> bool:
    return all(re.search(word, response, re.IGNORECASE) for word in arguments["keywords"])


def _keyword_frequency(response: str, arguments: Arguments) -> bool:
    count = len(re.findall(arguments["keyword"].strip(), response, re.IGNORECASE))
    return _enough(count, arguments["relation"], arguments["frequency"])


def _forbidden_words(response: str, arguments: Arguments) -> bool:
    return not any(
        re.search(rf"\b{word}\b", response, re.IGNORECASE) for word in arguments["forbidden_words"]
    )


def _letter_frequency(response: str, arguments: Arguments) -> bool:
    count = response.lower().count(arguments["letter"].strip().lower())
    return _enough(count, arguments["let_relation"], arguments["let_frequency"])


def _response_language(response: str, arguments: Arguments) -> bool:
    return _same(_language_of(response), arguments["language"])


def _language_of(response: str) -> str:
    found = language(response)
    if found is None:
        raise Unverifiable("the language of the response cannot be detected")
    return found


def _number_sentences(response: str, arguments: Arguments) -> bool:
    return _enough(len(sentences(response)), arguments["relation"], arguments["num_sentences"])


def _number_words(response: str, arguments: Arguments) -> bool:
    return _enough(count_words(response), arguments["relation"], arguments["num_words"])


def _number_paragraphs(response: str, arguments: Arguments) -> bool:
    paragraphs = re.split(r"\s?\*\*\*\s?", response)
    if any(not paragraph.strip() for paragraph in paragraphs[1:-1]):
        return False
    return _same(sum(bool(paragraph.strip()) for paragraph in paragraphs), arguments["num_paragraphs"])


def _nth_paragraph_first_word(response: str, arguments: Arguments) -> bool:
    paragraphs = response.split("\n\n")
    count = sum(bool(paragraph.strip()) for paragraph in paragraphs)
    nth = arguments["nth_paragraph"]
    if nth > count or not paragraphs[nth - 1].strip():
        return False
    word = paragraphs[nth - 1].split()[0].lstrip("'").lstrip('"').lower()
    end = next((place for place, letter in enumerate(word) if letter in _WORD_ENDS), len(word))
    return _same((count, word[:end]), (arguments["num_paragraphs"], arguments["first_word"].lower()))


def _number_placeholders(response: str, arguments: Arguments) -> bool:
    return _at_least(len(re.findall(r"\[.*?\]", response)), arguments["num_placeholders"])


def _postscript(response: str, arguments: Arguments) -> bool:
    marker = arguments["postscript_marker"].strip()
    pattern = _POSTSCRIPTS.get(marker, rf"\s*{marker.lower()}.*$")
    return re.search(pattern, response.lower(), re.MULTILINE) is not None


def _number_bullets(response: str, arguments: Arguments) -> bool:
    stars = re.findall(r"^\s*\*[^\*].*$", response, re.MULTILINE)
    dashes = re.findall(r"^\s*-.*$", response, re.MULTILINE)
    return _same(len(stars) + len(dashes), arguments["num_bullets"])


def _constrained_response(response: str, _arguments: Arguments) -> bool:
    return any(option in response.strip() for option in _OPTIONS)


def _number_highlights(response: str, arguments: Arguments) -> bool:
    single = (each.strip("*") for each in re.findall(r"\*[^\n\*]*\*", response))
    double = (each[2:-2] for each in re.findall(r"\*\*[^\n\*]*\*\*", response))
    count = sum(bool(each.strip()) for each in (*single, *double))
    return _at_least(count, arguments["num_highlights"])


def _multiple_sections(response: str, arguments: Arguments) -> bool:
    mark = arguments["section_spliter"].strip()
    return _at_least(len(re.split(rf"\s?{mark}\s?\d+\s?", response)) - 1, arguments["num_sections"])


def _json_format(response: str, _arguments: Arguments) -> bool:
    text = response.strip()
    for fence in _FENCES:
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except ValueError:
        return False
    return True


def _title(response: str, _arguments: Arguments) -> bool:
    return any(each.lstrip("<").rstrip(">").strip() for each in re.findall(r"<<[^\n]+>>", response))


def _two_responses(response: str, _arguments: Arguments) -> bool:
    parts = [part.strip() for part in response.split("******")]
    if not all(parts[1:-1]):
        return False
    given = [part for part in parts if part]
    return len(given) == 2 and given[0] != given[1]


def _repeat_prompt(response: str, arguments: Arguments) -> bool:
    return response.strip().lower().startswith(arguments["prompt_to_repeat"].strip().lower())


def _end_phrase(response: str, arguments: Arguments) -> bool:
    return response.strip().strip('"').lower().endswith(arguments["end_phrase"].strip().lower())


def _capital_words(response: str, arguments: Arguments) -> bool:
    count = sum(token.isupper() for token in tokens(response))
    return _enough(count, arguments["capital_relation"], arguments["capital_frequency"])


def _english_capital(response: str, _arguments: Arguments) -> bool:
    return response.isupper() and _language_of(response) == "en"


def _english_lowercase(response: str, _arguments: Arguments) -> bool:
    return response.islower() and _language_of(response) == "en"


def _no_comma(response: str, _arguments: Arguments) -> bool:
    return "," not in response


def _quotation(response: str, _arguments: Arguments) -> bool:
    text = response.strip()
    return len(text) > 1 and text[0] == '"' and text[-1] == '"'


CHECKS: Mapping[str, Check] = {
    "keywords:existence": _keywords_exist,
    "keywords:frequency": _keyword_frequency,
    "keywords:forbidden_words": _forbidden_words,
    "keywords:letter_frequency": _letter_frequency,
    "language:response_language": _response_language,
    "length_constraints:number_sentences": _number_sentences,
    "length_constraints:number_paragraphs": _number_paragraphs,
    "length_constraints:number_words": _number_words,
    "length_constraints:nth_paragraph_first_word": _nth_paragraph_first_word,
    "detectable_content:number_placeholders": _number_placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _number_bullets,
    "detectable_format:constrained_response": _constrained_response,
    "detectable_format:number_highlighted_sections": _number_highlights,
    "detectable_format:multiple_sections": _multiple_sections,
    "detectable_format:json_format": _json_format,
    "detectable_format:title": _title,
    "combination:two_responses": _two_responses,
    "combination:repeat_prompt": _repeat_prompt,
    "startend:end_checker": _end_phrase,
    "startend:quotation": _quotation,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _english_capital,
    "change_case:english_lowercase": _english_lowercase,
    "punctuation:no_comma": _no_comma,
}
"""The rules by the ids of the data set."""
