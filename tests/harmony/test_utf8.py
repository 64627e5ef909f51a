from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.utf8 import Utf8Decoder

_pieces = st.lists(st.binary(max_size=5) | st.text(max_size=3).map(str.encode))


@given(pieces=_pieces)
def test_pieces_decode_to_what_the_whole_decodes_to(pieces: list[bytes]) -> None:
    decoder = Utf8Decoder()

    decoded = "".join(map(decoder.feed, pieces)) + decoder.finish()

    assert decoded == b"".join(pieces).decode(errors="replace")


@given(text=st.text())
def test_a_character_comes_with_its_last_byte(text: str) -> None:
    decoder = Utf8Decoder()

    for character in text:
        *begun, last = (bytes([byte]) for byte in character.encode())

        assert "".join(map(decoder.feed, begun)) == ""
        assert decoder.feed(last) == character


def test_a_finished_decoder_is_new_again() -> None:
    decoder = Utf8Decoder()
    decoder.feed(b"\xe2\x82")

    assert decoder.finish() == "\ufffd"
    assert decoder.finish() == ""
    assert decoder.feed(b"a") == "a"
