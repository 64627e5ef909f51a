"""How a checkpoint's text becomes tokens for measuring on it."""

from pathlib import Path

import pytest

from optiq_harmony.conversation import AssistantMessage, Conversation, UserMessage
from optiq_harmony.vocabulary import Vocabulary
from optiq_quant.calibration_text import Extent, Part, shipped_text
from optiq_server.engine.errors import LoadFailed
from optiq_server.speech import open_speech
from tests.quant.checkpoints import REFERENCE

_CHAT = Conversation(
    messages=(UserMessage(text="2+2?"), AssistantMessage(reasoning="Add them.", text="It is 4."))
)


@pytest.fixture(name="cache", scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("speech-cache")


def test_gpt_oss_is_spoken_to_in_harmony_with_the_reply_as_the_model_wrote_it(cache: Path) -> None:
    speech = open_speech(REFERENCE, cache)

    ids = speech.encode_chat(_CHAT)

    text = b"".join(map(Vocabulary.load(cache).token_bytes, ids)).decode()
    assert text.endswith(
        "<|start|>assistant<|channel|>analysis<|message|>Add them.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>It is 4.<|return|>"
    )


def test_the_packages_conversations_can_be_spoken_in_harmony(cache: Path) -> None:
    text = shipped_text(open_speech(REFERENCE, cache), Extent(longest=512))

    prompts = [prompt for part in Part for prompt in text.parts[part]]
    assert len(set(prompts)) == len(prompts) > 50
    assert all(text.tokens(part) > 4000 for part in Part)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed):
        open_speech(tmp_path, tmp_path)
