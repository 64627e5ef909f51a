"""Well-formed replies as hypothesis draws them, in spelled tokens; see spelling.py."""

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.harmony.spelling import SpelledTokens
from tests.harmony.strategies import names, texts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyMessage:
    """One message of a reply: `kind` is reasoning, text or call, `header` and `end` what encloses `body`."""

    kind: str
    function: str | None
    header: SpelledTokens
    body: str
    end: str


@st.composite
def _spoken(draw: st.DrawFn, bodies: st.SearchStrategy[str]) -> ReplyMessage:
    channel = draw(st.sampled_from(["analysis", "commentary", "final"]))
    constrained: SpelledTokens = [" ", "<|constrain|>", "json"] if channel == "final" else []
    return ReplyMessage(
        kind="reasoning" if channel == "analysis" else "text",
        function=None,
        header=["<|channel|>", channel, *draw(st.sampled_from([[], constrained])), "<|message|>"],
        body=draw(bodies),
        end=draw(st.sampled_from(["<|end|>", "<|return|>"])),
    )


@st.composite
def _calls(draw: st.DrawFn, bodies: st.SearchStrategy[str]) -> ReplyMessage:
    name = draw(names)
    channel = draw(st.sampled_from(["commentary", "analysis"]))
    content_type: SpelledTokens = draw(st.sampled_from([[], [" ", "<|constrain|>", "json"], [" code"]]))
    front: SpelledTokens = [f" to=functions.{name}", "<|channel|>", channel]
    back: SpelledTokens = ["<|channel|>", f"{channel} to=functions.{name}"]
    return ReplyMessage(
        kind="call",
        function=name,
        header=[*draw(st.sampled_from([front, back])), *content_type, "<|message|>"],
        body=draw(bodies),
        end=draw(st.sampled_from(["<|call|>", "<|end|>"])),
    )


def replies(bodies: st.SearchStrategy[str] = texts) -> st.SearchStrategy[list[ReplyMessage]]:
    return st.lists(_spoken(bodies) | _calls(bodies), min_size=1, max_size=4)


def spelled(reply: list[ReplyMessage]) -> SpelledTokens:
    """The tokens that a model writes behind `<|start|>assistant`."""
    tokens: SpelledTokens = []
    for index, message in enumerate(reply):
        tokens += ["<|start|>", "assistant"] if index else []
        tokens += [*message.header, {"text": message.body}, message.end]
    return tokens
