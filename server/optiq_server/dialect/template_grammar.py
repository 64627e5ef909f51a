"""One grammar for a whole reply of a model that is not gpt-oss. Pure; the text is llguidance's Lark.

    reply      reasoning? (calls | answer) STOP
    reasoning  THINK_START TEXT THINK_END         without the first where the prompt has opened it
    calls      (CALL_START call CALL_END)+        behind a preamble, where the answer is free text
    call       {"name": "...", "arguments": JSON}

Control tokens, and marks made of them, stand in it by their ids; TEXT and JSON are made of ordinary tokens.
Calls can be enforced in the JSON form alone. In another form they are free, and the parser judges them.
"""

import json
from collections.abc import Iterator
from typing import assert_never

from optiq_harmony.conversation import (
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponseFormat,
    TextFormat,
)
from optiq_harmony.grammar import arguments_schema
from optiq_harmony.json_schema import grammar_schema
from optiq_harmony.structure import Structure
from optiq_server.dialect.markers import Marker
from optiq_server.dialect.protocol import UnsupportedStructure
from optiq_server.dialect.template_parser import ReplyFormat
from optiq_server.dialect.tool_text import ToolFormat

_RULES = (
    "gap: /[ \\n]{0,2}/",
    "TEXT: /(?s:.*)/",
)


def reply_grammar(structure: Structure, reply_format: ReplyFormat) -> str | None:
    """The grammar of every reply that does what `structure` demands; None where any reply does.

    Raises UnsupportedStructure for what the model's way of writing does not let us enforce, and SchemaError.
    """
    tools = reply_format.tools
    if structure.callable_tools:
        _check_calls(structure, tools)
    in_json = not isinstance(structure.response_format, TextFormat)
    held_calls = bool(structure.callable_tools) and tools is not None and tools.is_json
    if not (in_json or held_calls or _bounds_reasoning(structure, reply_format)):
        return None
    rules = "\n".join(_rules(structure, reply_format))
    return json.dumps({"grammars": [{"lark_grammar": rules}]})


def _check_calls(structure: Structure, tools: ToolFormat | None) -> None:
    if tools is None:
        raise UnsupportedStructure("this model's chat template knows no tools")
    if tools.is_json and tools.end is not None:
        for index, tool in enumerate(structure.tools):
            if not isinstance(tool, FunctionTool):
                raise UnsupportedStructure("this model calls functions only", tool=index)
        return
    if structure.must_call:
        raise UnsupportedStructure("'tool_choice' asks for a call, which this model's format cannot enforce")
    if not isinstance(structure.response_format, TextFormat):
        reason = "this model's format of tool calls cannot be enforced beside it; leave one of them out"
        raise UnsupportedStructure(reason, in_format=True)
    for index, tool in enumerate(structure.tools):
        if not isinstance(tool, FunctionTool) or tool.strict:
            raise UnsupportedStructure("'strict' cannot be kept in this model's format of calls", tool=index)


def _bounds_reasoning(structure: Structure, reply_format: ReplyFormat) -> bool:
    is_bounded = not structure.reasoning or structure.reasoning_budget is not None
    return reply_format.think is not None and is_bounded


def _rules(structure: Structure, reply_format: ReplyFormat) -> Iterator[str]:
    stops = ",".join(map(str, sorted(reply_format.stop_tokens)))
    yield f"start: {_reasoning(structure, reply_format)} reply stop"
    yield f"stop: <[{stops}]>"
    budget = structure.reasoning_budget
    yield "thought: TEXT" if budget is None else f"thought[max_tokens={budget}]: TEXT"
    tools = reply_format.tools
    if not structure.callable_tools:
        yield f"reply: {_answer(structure.response_format)}"
    elif tools is None or tools.end is None or not tools.is_json:
        yield "reply: any*"
        yield f"any: <[^{stops}]>"
    else:
        yield from _call_rules(structure, tools.start, tools.end)
    yield from _RULES


def _reasoning(structure: Structure, reply_format: ReplyFormat) -> str:
    if reply_format.think is None:
        return ""
    start, end = map(_mark, reply_format.think)
    thinks = structure.reasoning and structure.reasoning_budget != 0
    if reply_format.opens_in_reasoning:
        return f"thought {end} gap" if thinks else f"gap {end} gap"
    return f"({start} thought {end} gap)?" if thinks else ""


def _call_rules(structure: Structure, start: Marker, end: Marker) -> Iterator[str]:
    """Rules of replies with calls; a mark that is no token is found in the text before it, by its letters."""
    tools = structure.callable_tools
    more = f"(gap {_mark(start)} call {_mark(end)})*" if structure.parallel_calls else ""
    calls = f"call {_mark(end)} {more}"
    if structure.must_call:
        yield f"reply: gap {_mark(start)} {calls}"
    elif not isinstance(structure.response_format, TextFormat):
        yield f"reply: gap {_mark(start)} {calls} | {_answer(structure.response_format)}"
    elif isinstance(start.parts[0], int):
        yield f"reply: TEXT ({_mark(start)} {calls})?"
    else:
        yield f"reply: PLAIN | preamble {calls}"
        yield f"preamble[suffix={json.dumps(start.text)}]: TEXT"
        yield f"PLAIN: TEXT & ~/(?s:.*){_escaped(start.text)}(?s:.*)/"
    yield "call: gap (" + " | ".join(f"call_{index}" for index in range(len(tools))) + ") gap"
    for index, tool in enumerate(tools):
        if isinstance(tool, FunctionTool):
            head = json.dumps(f'{{"name": {json.dumps(tool.name)}, "arguments": ')
            yield f'call_{index}: {head} %json {arguments_schema(tool)} "}}"'


def _mark(marker: Marker) -> str:
    return " ".join(f"<[{part}]>" if isinstance(part, int) else json.dumps(part) for part in marker.parts)


def _escaped(text: str) -> str:
    return "".join(each if each.isalnum() or each in "_<>" else f"\\{each}" for each in text)


def _answer(response_format: ResponseFormat) -> str:
    match response_format:
        case TextFormat():
            return "TEXT"
        case JsonObjectFormat():
            return f"gap %json {grammar_schema({'type': 'object'})}"
        case JsonSchemaFormat(schema=schema):
            return f"gap %json {grammar_schema(schema)}"
        case _:
            assert_never(response_format)
