"""YAML that keeps its comments, its order and its quotes when something is put in. Knows no client."""

import io
import re
from collections.abc import Callable

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from optiq_server.connect.errors import UnreadableConfig

_FIRST_ITEM = re.compile(r"^[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*([ ]*)- ", re.MULTILINE)
"""A list below a key of the outermost mapping, and how far in it is."""

_USUAL_OFFSET = 2

_NEVER = 1 << 16
"""Columns: long lines stay as they are."""


def edited_yaml(text: str, change: Callable[[CommentedMap], None]) -> str:
    """`text` after `change` of its outermost mapping. Raises UnreadableConfig."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _NEVER
    found = _FIRST_ITEM.search(text)
    offset = _USUAL_OFFSET if found is None else len(found[1])
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise UnreadableConfig(f"it is not YAML: {' '.join(str(error).split())}") from error
    if document is None:
        document = CommentedMap()
        if text.strip():
            raise UnreadableConfig("it has comments and nothing else")
    if not isinstance(document, CommentedMap):
        raise UnreadableConfig("it is not a mapping")
    change(document)
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()
