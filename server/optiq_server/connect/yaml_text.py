"""YAML that keeps its comments, its order and its quotes when something is put in. Knows no client."""

import io
import re
from collections.abc import Callable

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from optiq_server.connect.errors import UnreadableConfig

_INDENTED_ITEM = re.compile(r"^[^\s#-][^\n]*:[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*[ ]+- ", re.MULTILINE)
"""A list below a key of the outermost mapping, further in than the key."""

_NEVER = 1 << 16
"""Columns: long lines stay as they are."""


def edited_yaml(text: str, change: Callable[[CommentedMap], None]) -> str:
    """`text` after `change` of its outermost mapping. Raises UnreadableConfig."""
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = _NEVER
    if not text.strip() or _INDENTED_ITEM.search(text):
        yaml.indent(mapping=2, sequence=4, offset=2)
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
