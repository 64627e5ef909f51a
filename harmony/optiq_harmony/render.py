"""A conversation becomes the token ids that a model continues; openai-harmony writes what is around texts.

Text is encoded as text, so no user, tool or schema can smuggle in a control token. What is ours:

Rule 1: which reasoning goes back is decided by history.py alone.

Rule 2: the leading developer messages, the tools and the response format make one developer message, as the
        model was trained; its text is namespace.py's, more complete than openai-harmony's. A later developer
        message stays where it was said.

Rule 3: one assistant message becomes analysis, then text, then its calls, each of these a harmony message.
        Text beside calls is a preamble (commentary), text alone is the final. Empty parts are left out.

Rule 4: a message is rendered alike whatever follows it, so that a conversation's rendering begins with that
        of its beginning, except where rule 1 drops reasoning. The prefix cache lives from this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import assert_never

from openai_harmony import (  # type: ignore[import-untyped]  # it ships no py.typed
    Author,
    ReasoningEffort,
    RenderOptions,
    Role,
    SystemContent,
    TextContent,
)
from openai_harmony import Message as HarmonyMessage

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    DeveloperMessage,
    Message,
    ResponseFormat,
    SystemMessage,
    TextFormat,
    Tool,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from optiq_harmony.history import drop_answered_reasoning
from optiq_harmony.namespace import developer_text
from optiq_harmony.renderable import require_renderable
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary

_MODEL_IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
_KNOWLEDGE_CUTOFF = "2024-06"
_CHANNELS = ["analysis", "commentary", "final"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Token ids that end in `<|start|>assistant`, and the ascending offsets at which a message ends."""

    ids: tuple[int, ...]
    boundaries: tuple[int, ...]


class Renderer:
    """Renders conversations; it keeps nothing between them."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._reply_start = (ControlToken.START, *vocabulary.encode_text("assistant"))

    def render(self, conversation: Conversation) -> Prompt:
        """The prompt for the conversation's next reply. Raises RenderError."""
        require_renderable(conversation)
        options = RenderOptions(conversation_has_function_tools=bool(conversation.tools))
        ids: list[int] = []
        boundaries: list[int] = []
        for message in harmony_messages(conversation):
            ids += self._tokens(message, options)
            boundaries.append(len(ids))
        return Prompt(ids=(*ids, *self._reply_start), boundaries=tuple(boundaries))

    def render_with_reply(self, conversation: Conversation) -> tuple[int, ...]:
        """The tokens that a model has read and written once it has said the conversation's last message: that
        one keeps its reasoning, and a final ends as the model ends it. Raises RenderError.

        Where the last message is nobody's reply, the tokens are those of `render`.
        """
        *before, last = conversation.messages or (None,)
        if not isinstance(last, AssistantMessage):
            return self.render(conversation).ids
        require_renderable(conversation)
        options = RenderOptions(conversation_has_function_tools=bool(conversation.tools))
        earlier = harmony_messages(replace(conversation, messages=tuple(filter(None, before))))
        ids = [token for message in (*earlier, *_assistant(last)) for token in self._tokens(message, options)]
        if not last.tool_calls and ids[-1] == ControlToken.END:
            ids[-1] = ControlToken.RETURN
        return tuple(ids)

    def _tokens(self, message: HarmonyMessage, options: RenderOptions) -> list[int]:
        """openai-harmony's, of the message without its text, and the vocabulary's of the text: a long word
        would keep openai-harmony busy for minutes, and all threads waiting."""
        [content] = message.content
        if not isinstance(content, TextContent):
            whole: list[int] = self._vocabulary.encoding.render(message, options)
            return whole
        frame = self._vocabulary.encoding.render(
            message.model_copy(update={"content": [TextContent(text="")]}), options
        )
        start = frame.index(ControlToken.MESSAGE) + 1
        return [*frame[:start], *self._vocabulary.encode_text(content.text), *frame[start:]]


def harmony_messages(conversation: Conversation) -> Iterator[HarmonyMessage]:
    """The messages of openai-harmony that `conversation` becomes, in order, by the rules above."""
    messages = drop_answered_reasoning(conversation.messages)
    leading = [
        message.text for message in takewhile(lambda each: isinstance(each, DeveloperMessage), messages)
    ]
    yield _system(conversation.system)
    instructions = "\n\n".join(filter(None, leading))
    yield from _developer(instructions, conversation.tools, conversation.response_format)
    for message in messages[len(leading) :]:
        yield from _message(message)


def _message(message: Message) -> Iterator[HarmonyMessage]:
    match message:
        case DeveloperMessage():
            yield from _developer(message.text, (), TextFormat())
        case UserMessage():
            yield HarmonyMessage.from_role_and_content(Role.USER, message.text)
        case AssistantMessage():
            yield from _assistant(message)
        case ToolMessage():
            author = Author.new(Role.TOOL, f"functions.{message.name}")
            result = HarmonyMessage.from_author_and_content(author, message.text)
            yield result.with_recipient("assistant").with_channel("commentary")
        case _:
            assert_never(message)


def _system(system: SystemMessage) -> HarmonyMessage:
    content = (
        SystemContent.new()
        .with_model_identity(_MODEL_IDENTITY)
        .with_knowledge_cutoff(_KNOWLEDGE_CUTOFF)
        .with_reasoning_effort(ReasoningEffort[system.effort.name])
        .with_required_channels(_CHANNELS)
    )
    if system.current_date is not None:
        content = content.with_conversation_start_date(system.current_date.isoformat())
    return HarmonyMessage.from_role_and_content(Role.SYSTEM, content)


def _developer(
    instructions: str, tools: tuple[Tool, ...], response_format: ResponseFormat
) -> Iterator[HarmonyMessage]:
    text = developer_text(instructions or None, tools, response_format)
    if text:
        yield HarmonyMessage.from_role_and_content(Role.DEVELOPER, text)


def _assistant(message: AssistantMessage) -> Iterator[HarmonyMessage]:
    if message.reasoning:
        yield _spoken(message.reasoning, "analysis")
    if message.text:
        yield _spoken(message.text, "commentary" if message.tool_calls else "final")
    for call in message.tool_calls:
        yield _call(call)


def _spoken(text: str, channel: str) -> HarmonyMessage:
    return HarmonyMessage.from_role_and_content(Role.ASSISTANT, text).with_channel(channel)


def _call(call: ToolCall) -> HarmonyMessage:
    message = HarmonyMessage.from_role_and_content(Role.ASSISTANT, call.arguments).with_channel("commentary")
    addressed = message.with_recipient(f"functions.{call.name}")
    return addressed if call.is_custom else addressed.with_content_type("<|constrain|>json")
