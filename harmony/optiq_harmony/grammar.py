"""One grammar for a whole reply, from behind `<|start|>assistant` to its stop token. Knows no token ids.

    reply      (analysis | preamble)* (calls | final)
    analysis   <|channel|>analysis<|message|> TEXT <|end|><|start|>assistant
    preamble   <|channel|>commentary<|message|> TEXT <|end|><|start|>assistant
    calls      (call <|end|><|start|>assistant)* call <|call|>
    call       header <|message|> arguments
    final      <|channel|>final <|constrain|>json <|message|> answer <|return|>

A call's recipient stands before `<|channel|>` or behind `commentary`; the model was trained on both and
writes both, so both are admitted. `<|constrain|>json` may be missing. Control tokens exist only where a rule
names them: TEXT and JSON are made of ordinary tokens. The text is in llguidance's dialect of Lark.

Rules:
1. Preambles are text for the user, so there are none where the answer must be JSON, unless only calls follow.
2. With a reasoning budget there is one analysis message, cut after so many tokens. The cut may fall inside a
   character, of which the parser then shows U+FFFD.
3. Arguments of a strict function match its schema. Of others they match as much of the schema as can be
   enforced, and are a JSON object in any case. OpenAI promises less; but wrong arguments help nobody.
4. A call that is not the last ends in `<|end|>`, since `<|call|>` ends the reply.
"""

import json
import re
from collections.abc import Iterator
from typing import assert_never

from llguidance import LLMatcher, regex_to_lark

from optiq_harmony.conversation import (
    CustomTool,
    FunctionTool,
    GrammarSyntax,
    JsonObjectFormat,
    JsonSchemaFormat,
    ResponseFormat,
    TextFormat,
    ToolGrammar,
)
from optiq_harmony.json_schema import grammar_schema, lenient_grammar_schema
from optiq_harmony.structure import Structure
from optiq_harmony.structure_errors import GrammarError

_NEXT_MESSAGE = '<|end|> <|start|> "assistant"'

_COMMON_RULES = (
    f'preamble: <|channel|> "commentary" <|message|> TEXT {_NEXT_MESSAGE}',
    'json_body: (" "? <|constrain|> "json")? <|message|>',
    "TEXT: /(?s:.*)/",
)

_ANY_OBJECT = {"type": "object"}
_NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}

# What may hold a `<` in Lark without meaning a special token: strings, regular expressions and comments.
_LARK_LITERAL = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|#[^\n]*|/(?:\\.|[^/\\])+/')

_LARK_STATEMENT = re.compile(r"%\w+")
# Others open languages of llguidance's own, whose contents would escape the checks of json_schema.
_LARK_STATEMENTS = frozenset({"%ignore", "%import"})

# llguidance recurses on the native stack from rule to rule; some thousands would end the process.
_MAX_LARK_RULES = 500
_MAX_LARK_CHARACTERS = 20_000


def reply_grammar(structure: Structure) -> str:
    """The grammar of every reply that does what `structure` demands, as llguidance's JSON list of grammars.

    The first is the reply's; the rest belong to custom tools. Equal structures give equal text. Raises
    SchemaError for a response format or a strict function, GrammarError for a custom tool.
    """
    own = "\n".join(_rules(structure))
    tools = [
        {"name": _body_name(index), "lark_grammar": _custom_grammar(tool.name, tool.grammar)}
        for index, tool in enumerate(structure.callable_tools)
        if isinstance(tool, CustomTool) and tool.grammar is not None
    ]
    return json.dumps({"grammars": [{"lark_grammar": own}, *tools]})


def _rules(structure: Structure) -> Iterator[str]:
    yield f"start: {_messages_before(structure)} {_ending(structure)}"
    if _may_reason(structure):
        yield f'analysis: <|channel|> "analysis" <|message|> thought {_NEXT_MESSAGE}'
        budget = structure.reasoning_budget
        yield "thought: TEXT" if budget is None else f"thought[max_tokens={budget}]: TEXT"
    if structure.callable_tools:
        yield from _call_rules(structure)
    if not structure.must_call:
        yield f'final: <|channel|> "final" {_answer(structure.response_format)} <|return|>'
    yield from _COMMON_RULES


def _may_reason(structure: Structure) -> bool:
    return structure.reasoning and structure.reasoning_budget != 0


def _messages_before(structure: Structure) -> str:
    text_is_welcome = structure.must_call or isinstance(structure.response_format, TextFormat)
    preambles = bool(structure.callable_tools) and text_is_welcome
    match _may_reason(structure), structure.reasoning_budget is not None, preambles:
        case False, _, False:
            return ""
        case False, _, True:
            return "preamble*"
        case True, True, False:
            return "analysis?"
        case True, True, True:
            return "preamble* (analysis preamble*)?"
        case True, False, False:
            return "analysis*"
        case _:
            return "(analysis | preamble)*"


def _ending(structure: Structure) -> str:
    if not structure.callable_tools:
        return "final"
    return "calls" if structure.must_call else "(calls | final)"


def _call_rules(structure: Structure) -> Iterator[str]:
    tools = structure.callable_tools
    earlier = f"(call {_NEXT_MESSAGE})* " if structure.parallel_calls else ""
    yield f"calls: {earlier}call <|call|>"
    yield "call: " + " | ".join(f"call_{index}" for index in range(len(tools)))
    for index, tool in enumerate(tools):
        recipient = f" to=functions.{tool.name}"
        yield f"call_{index}: to_{index} {_arguments(index, tool)}"
        yield f'to_{index}: "{recipient}" <|channel|> "commentary" | <|channel|> "commentary{recipient}"'


def _arguments(index: int, tool: FunctionTool | CustomTool) -> str:
    match tool:
        case FunctionTool():
            return f"json_body %json {arguments_schema(tool)}"
        case CustomTool(grammar=None):
            return "<|message|> TEXT"
        case CustomTool():
            return f"<|message|> @{_body_name(index)}"
        case _:
            assert_never(tool)


def arguments_schema(tool: FunctionTool) -> str:
    """What a call's arguments must match, as JSON text for `%json` (rule 3). Raises SchemaError."""
    if tool.parameters is None:
        return grammar_schema(_NO_ARGUMENTS)
    # An API's arguments are an object, even where the schema forgets to say so.
    schema = {"type": "object", **tool.parameters}
    if tool.strict:
        return grammar_schema(schema)
    return lenient_grammar_schema(schema) or grammar_schema(_ANY_OBJECT)


def _answer(response_format: ResponseFormat) -> str:
    match response_format:
        case TextFormat():
            return "<|message|> TEXT"
        case JsonObjectFormat():
            return f"json_body %json {grammar_schema(_ANY_OBJECT)}"
        case JsonSchemaFormat(schema=schema):
            return f"json_body %json {grammar_schema(schema)}"
        case _:
            assert_never(response_format)


def _body_name(index: int) -> str:
    return f"body_{index}"


def _custom_grammar(name: str, grammar: ToolGrammar) -> str:
    """The tool's own grammar as Lark, which must stand alone: it may not reach for the protocol's tokens."""
    match grammar.syntax:
        case GrammarSyntax.REGEX:
            lark = f"start: /{regex_to_lark(grammar.definition, use_ascii='')}/"
        case GrammarSyntax.LARK:
            lark = grammar.definition
        case _:
            assert_never(grammar.syntax)
    reason = _fault(lark)
    if reason is not None:
        raise GrammarError(tool=name, reason=reason)
    return lark


def _fault(lark: str) -> str | None:
    outside = _LARK_LITERAL.sub("", lark)
    if "<" in outside or "@" in outside:
        return "special tokens and references to other grammars are not allowed"
    statements = sorted(set(_LARK_STATEMENT.findall(outside)) - _LARK_STATEMENTS)
    if statements:
        return f"{statements[0]} is not allowed"
    if len(lark) > _MAX_LARK_CHARACTERS or outside.count(":") > _MAX_LARK_RULES:
        return f"it has more than {_MAX_LARK_CHARACTERS} characters or {_MAX_LARK_RULES} rules"
    message = LLMatcher.validate_grammar(LLMatcher.grammar_from_lark(lark))
    return message.splitlines()[0] if message else None
