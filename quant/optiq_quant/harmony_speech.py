"""How gpt-oss's text becomes tokens: by optiq_harmony, as the server does it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from optiq_harmony.conversation import Conversation
from optiq_harmony.errors import RenderError
from optiq_harmony.render import Renderer
from optiq_harmony.vocabulary import Vocabulary

_DATE = date(2025, 8, 5)
"""Prompts tell the model which day it is; another day would make other measurements."""


class HarmonySpeech:
    """A `calibration_text.Speech`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._renderer = Renderer(vocabulary)

    def encode_text(self, text: str) -> Sequence[int]:
        try:
            return self._vocabulary.encode_text(text)
        except RenderError as error:
            raise ValueError(str(error)) from error

    def encode_chat(self, conversation: Conversation) -> Sequence[int]:
        dated = replace(conversation.system, current_date=_DATE)
        try:
            return self._renderer.render_with_reply(replace(conversation, system=dated))
        except RenderError as error:
            raise ValueError(f"{error.field}: {error}") from error
