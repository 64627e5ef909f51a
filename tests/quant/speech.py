"""A speech for tests: each character is a token."""

from collections.abc import Sequence

from optiq_harmony.conversation import AssistantMessage, Conversation, UserMessage


class LetterSpeech:
    def encode_text(self, text: str) -> Sequence[int]:
        if "\0" in text:
            raise ValueError("text: zero is no letter")
        return [ord(letter) % 64 for letter in text]

    def encode_chat(self, conversation: Conversation) -> Sequence[int]:
        said = [each.text for each in conversation.messages if isinstance(each, UserMessage)]
        thought = [
            f"{each.reasoning or ''}{each.text or ''}"
            for each in conversation.messages
            if isinstance(each, AssistantMessage)
        ]
        return self.encode_text("".join([*said, *thought]))
