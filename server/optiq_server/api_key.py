"""The key that a server may demand: compared in constant time, and never shown. Knows no HTTP."""

import hmac
from collections.abc import Iterable

API_KEY_VARIABLE = "OPTIQ_API_KEY"
"""The environment variable that names the key, for the server and for its own clients."""


class ApiKey:
    """One secret. Raises ValueError for a text that no header can carry."""

    def __init__(self, secret: str) -> None:
        if not secret.isprintable() or not secret.strip() or secret != secret.strip():
            raise ValueError("the API key must be one line of text, without spaces around it")
        self._secret = secret
        self._forms = _forms(secret)

    def is_among(self, offered: Iterable[bytes]) -> bool:
        """Whether one of these header values is the key. It takes as long for any of the same length."""
        matches = [hmac.compare_digest(form, each) for each in offered for form in self._forms]
        return any(matches)

    def reveal(self) -> str:
        """The secret itself, for a child process that has to send it."""
        return self._secret

    def __repr__(self) -> str:
        return "ApiKey('***')"


def _forms(secret: str) -> tuple[bytes, ...]:
    """The bytes that a header may carry it in: clients write what is no ASCII in one of two encodings."""
    utf8 = secret.encode()
    try:
        return tuple({utf8, secret.encode("latin-1")})
    except UnicodeEncodeError:
        return (utf8,)
