"""The key: which bytes of a header are it, and that it is never shown."""

import pytest

from optiq_server.api_key import ApiKey


@pytest.mark.parametrize("secret", ["", " ", " a", "a ", "a\nb", "a\x00b"])
def test_what_no_header_can_carry_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        ApiKey(secret)


@pytest.mark.parametrize(
    ("secret", "offered", "matches"),
    [
        ("secret", b"secret", True),
        ("secret", b"secre", False),
        ("secret", b"", False),
        ("clé", "clé".encode(), True),
        ("clé", "clé".encode("latin-1"), True),
        ("鍵x", "鍵x".encode(), True),
        ("鍵x", b"x", False),
        ("clé", b"cl", False),
    ],
)
def test_a_header_is_the_key_in_either_encoding(secret: str, offered: bytes, matches: bool) -> None:
    assert ApiKey(secret).is_among([b"other", offered]) is matches


def test_nothing_offered_is_no_key() -> None:
    assert not ApiKey("secret").is_among([])


def test_it_is_not_shown() -> None:
    key = ApiKey("secret")

    assert "secret" not in f"{key} {key!r}"
    assert key.reveal() == "secret"
