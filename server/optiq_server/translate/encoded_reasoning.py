"""Reasoning as the opaque text of `encrypted_content`, which a client keeps and sends back.

It is an encoding, not an encryption: whoever has the text can read the reasoning. This server runs on its
user's machine and tells all reasoning anyway, so there is nobody to hide it from.
"""

import base64
import binascii

_PREFIX = "optiq-reasoning-1."
"""Tells our own from what another server gave the client, which cannot be read here."""


def encode_reasoning(text: str) -> str:
    return _PREFIX + base64.urlsafe_b64encode(text.encode()).decode()


def decode_reasoning(content: str) -> str | None:
    """The reasoning; None if `content` is not an encoding of ours."""
    if not content.startswith(_PREFIX):
        return None
    try:
        return base64.urlsafe_b64decode(content.removeprefix(_PREFIX)).decode()
    except (binascii.Error, ValueError):
        return None
