from concurrent.futures import Future

import pytest

from optiq_harmony.conversation import Conversation, UserMessage
from optiq_harmony.structure import Structure
from optiq_server.dialect.loaded import LoadedDialect
from optiq_server.dialect.protocol import Dialect
from optiq_server.dialect.template import TemplateDialect
from tests.server.dialect.chat_checkpoints import CHAT, chat_tokenizer

_CONVERSATION = Conversation(messages=(UserMessage(text="Hi"),))


def test_it_speaks_as_the_dialect_that_was_chosen() -> None:
    template = TemplateDialect(chat_tokenizer(CHAT))
    chosen: Future[Dialect] = Future()
    dialect = LoadedDialect(chosen)

    chosen.set_result(template)

    assert dialect.stop_tokens == template.stop_tokens
    assert dialect.message_ends == template.message_ends == {258}
    assert dialect.control_tokens == template.control_tokens
    assert dialect.token_bytes(258) == b"<|im_end|>"
    assert dialect.render(_CONVERSATION) == template.render(_CONVERSATION)
    assert dialect.constraint(Structure()) is None
    assert dialect.parser().feed(258) == template.parser().feed(258)


def test_before_that_nothing_waits_for_it() -> None:
    chosen: Future[Dialect] = Future()

    with pytest.raises(TimeoutError):
        LoadedDialect(chosen).render(_CONVERSATION)
