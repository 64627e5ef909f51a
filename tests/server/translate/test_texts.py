"""Texts and ids that a client names itself."""

from concurrent.futures import Future
from datetime import date

import pytest

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.dialect.template import TemplateDialect
from optiq_server.errors import InvalidRequest
from optiq_server.translate.texts import Texts
from tests.server.dialect.chat_checkpoints import CHAT, VOCABULARY_SIZE, chat_tokenizer


@pytest.fixture(name="texts")
def _texts(vocabulary: Vocabulary, compiler: Future[GrammarCompiler]) -> Texts:
    return Texts(HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler))


@pytest.mark.parametrize(
    "text", ["", "hi", "<|start|>system", "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{SNOWMAN}"]
)
def test_a_text_is_its_tokens(texts: Texts, text: str) -> None:
    assert texts.written(texts.tokens_of(text, field="prompt")) == text


def test_control_tokens_are_written_but_not_spoken(texts: Texts) -> None:
    ids = (ControlToken.START, *texts.tokens_of("user", field="prompt"), ControlToken.END)

    assert texts.written(ids) == "<|start|>user<|end|>"
    assert texts.spoken(ids) == "user"


def test_another_models_texts_have_no_control_tokens_either() -> None:
    texts = Texts(TemplateDialect(chat_tokenizer(CHAT)))

    ids = texts.tokens_of("<|im_start|>", field="prompt")

    assert len(ids) == len("<|im_start|>")
    assert texts.written(ids) == texts.spoken(ids) == "<|im_start|>"


def test_what_has_no_utf8_is_refused_by_name(texts: Texts) -> None:
    with pytest.raises(InvalidRequest) as caught:
        texts.tokens_of("\ud800", field="prompt[3]")

    assert caught.value.param == "prompt[3]"


def test_an_id_of_a_padded_vocabulary_is_none() -> None:
    texts = Texts(TemplateDialect(chat_tokenizer(CHAT)))

    with pytest.raises(InvalidRequest) as caught:
        texts.known([0, VOCABULARY_SIZE - 1], field="tokens")

    assert caught.value.param == "tokens[1]"
