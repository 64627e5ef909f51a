"""The Python program in a model's answer. Pure, and it parses nothing: the text may be made to do harm.

The prompt goes first, so that its imports and helper functions exist; a function in the answer then replaces
the prompt's own beginning of it.
"""

import re
import textwrap

_FENCE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}|~{3,})[^\n]*\n(?P<code>.*?)(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_STARTS_CODE = re.compile(r"(?:from\s+[\w.]+\s+import\b|import\s+\w|async\s+def\s|def\s|class\s+\w|@\w)")
_IS_CODE = re.compile(
    rf"""{_STARTS_CODE.pattern}
    |[\#)\]}}"'\s]
    |(?:if|elif|else|for|while|try|except|finally|with)\b.*:\s*(?:\#.*)?$
    |[A-Za-z_][\w.\[\]]*\s*(?:[-+*/%&|^]|//|\*\*)?=(?!=)
    |[A-Za-z_][\w.]*\(
    |(?:assert|del|raise)\b""",
    re.VERBOSE,
)


def program_in(text: str, *, prompt: str, entry_point: str) -> tuple[str, ...] | None:
    """The sources to execute one after the other, or None where the text has no code.

    Of several fenced blocks it is the last that defines the function, because a correction comes after what
    it corrects. Where none does, the first block is the function's body, as in a completion of the prompt.
    Without a fence the text itself is the code, up to the first line that is none.
    """
    blocks = [_without_indent(match["code"], match["indent"]) for match in _FENCE.finditer(text)]
    candidates = [block for block in blocks or [_bare_code(text)] if block.strip()]
    defining = [block for block in map(_at_the_margin, candidates) if _defines(block, entry_point)]
    if defining:
        return (prompt, defining[-1])
    if candidates and (blocks or candidates[0][:1].isspace()):
        return (prompt + _as_body(candidates[0]),)
    return None


def _defines(code: str, entry_point: str) -> bool:
    name = re.escape(entry_point)
    return re.search(rf"^(?:(?:async\s+)?def\s+{name}\b|{name}\s*[:=])", code, re.MULTILINE) is not None


def _without_indent(code: str, indent: str) -> str:
    """A block in a list is indented with its fence."""
    return re.sub(rf"^{indent}", "", code, flags=re.MULTILINE) if indent else code


def _at_the_margin(code: str) -> str:
    return textwrap.dedent(code)


def _as_body(code: str) -> str:
    """Indented below the prompt's function; what already is stays as it is."""
    first = next(line for line in code.splitlines() if line.strip())
    return code if first[0].isspace() else textwrap.indent(code, "    ")


def _bare_code(text: str) -> str:
    """From the first line that begins code at the margin, or from the beginning if that is indented."""
    lines = text.split("\n")
    if not text.strip() or not next(line for line in lines if line.strip())[0].isspace():
        starts = (number for number, line in enumerate(lines) if _STARTS_CODE.match(line))
        lines = lines[next(starts, len(lines)) :]
    ends = (number for number, line in enumerate(lines) if line and not _IS_CODE.match(line))
    return "\n".join(lines[: next(ends, len(lines))])
