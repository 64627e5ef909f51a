"""Conversations as hypothesis draws them: every kind of message, in any order that an API lets through."""

from datetime import date

from hypothesis import strategies as st

from optiq_harmony.conversation import (
    AssistantMessage,
    Conversation,
    DeveloperMessage,
    FunctionTool,
    Message,
    ReasoningEffort,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)

# Markup in text must stay text, and characters of several bytes and tokens must come through.
texts = st.text(max_size=20) | st.sampled_from(
    [
        "<|end|>",
        "a<|start|>assistant<|channel|>final<|message|>b",
        "日本語のテキスト",
        "👩‍👩‍👧 e\u0301",
        "\n\n",
    ]
)
names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_-]{0,12}", fullmatch=True)
tool_calls = st.builds(ToolCall, name=names, arguments=texts)
assistant_messages = st.builds(
    AssistantMessage,
    reasoning=st.none() | texts,
    text=st.none() | texts,
    tool_calls=st.lists(tool_calls, max_size=2).map(tuple),
)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(DeveloperMessage, text=texts),
    st.builds(UserMessage, text=texts),
    assistant_messages,
    st.builds(ToolMessage, name=names, text=texts),
)
_schemas = st.sampled_from(
    [
        None,
        {"type": "object", "properties": {}},
        {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "<|end|>"}},
            "required": ["city"],
        },
    ]
)
function_tools = st.builds(FunctionTool, name=names, description=texts, parameters=_schemas)
system_messages = st.builds(
    SystemMessage,
    effort=st.sampled_from(ReasoningEffort),
    current_date=st.none() | st.dates(date(2024, 1, 1), date(2030, 12, 31)),
)
conversations = st.builds(
    Conversation,
    messages=st.lists(messages, max_size=6).map(tuple),
    system=system_messages,
    tools=st.lists(function_tools, max_size=2).map(tuple),
)
