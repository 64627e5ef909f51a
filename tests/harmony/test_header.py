from hypothesis import given
from hypothesis import strategies as st

from optiq_harmony.events import Fault, FaultKind
from optiq_harmony.header import Channel, Header, Part, Piece, read_header, split_header

_words = st.sampled_from(
    [
        "assistant",
        " to=",
        "to=functions.f",
        "functions.",
        "analysis",
        "final",
        " ",
        "json",
        "code",
        "{",
        "Hello",
        "\n",
    ]
)
_texts = st.lists(_words, max_size=5).map("".join).map(str.encode) | st.binary(max_size=8)


@st.composite
def _headers(draw: st.DrawFn) -> tuple[Piece, ...]:
    """A role's piece, then any others."""
    later = st.sampled_from([Part.CHANNEL, Part.CONTENT_TYPE])
    parts = [Part.ROLE, *draw(st.lists(later, max_size=3))]
    return tuple(Piece(part=part, text=draw(_texts)) for part in parts)


def _header(role: str, channel: str, content_type: str = "") -> tuple[Piece, ...]:
    return (
        Piece(part=Part.ROLE, text=role.encode()),
        Piece(part=Part.CHANNEL, text=channel.encode()),
        Piece(part=Part.CONTENT_TYPE, text=content_type.encode()),
    )


def test_a_header_in_harmonys_form_has_no_faults() -> None:
    header = read_header(_header("assistant to=functions.f", "commentary ", "json"), role_given=False)

    assert header == Header(channel=Channel.COMMENTARY, function="f", faults=())


def test_a_name_with_a_broken_character_is_made_text() -> None:
    pieces = (Piece(part=Part.CHANNEL, text=b"commentary to=functions.f\xff"),)

    header = read_header(pieces, role_given=True)

    assert header.function == "f\ufffd"


def test_a_stranded_body_comes_back_byte_for_byte() -> None:
    pieces = (
        Piece(part=Part.CHANNEL, text=b"final \xe2\x82"),
        Piece(part=Part.CONTENT_TYPE, text=b"\xff json"),
    )

    header, body = split_header(pieces, role_given=True, cut=False)

    assert (header.channel, body) == (Channel.FINAL, b"\xe2\x82\xff json")


def test_a_channel_named_twice_in_a_stranded_header_is_a_fault() -> None:
    pieces = (Piece(part=Part.CHANNEL, text=b"analysis"), Piece(part=Part.CHANNEL, text=b"final Four."))

    header, body = split_header(pieces, role_given=True, cut=False)

    fault = Fault(kind=FaultKind.HEADER, detail="<|channel|>analysis")
    assert (header, body) == (Header(channel=Channel.FINAL, function=None, faults=(fault,)), b"Four.")


def test_half_a_content_type_is_text_where_nothing_is_called() -> None:
    _, body = split_header((Piece(part=Part.CHANNEL, text=b"final js"),), role_given=True, cut=True)

    assert body == b"js"


@given(pieces=_headers(), role_given=st.booleans())
def test_any_header_can_be_read_and_no_name_has_white_space(
    pieces: tuple[Piece, ...], role_given: bool
) -> None:
    header = read_header(pieces, role_given=role_given)

    assert header.function is None or header.function.split() == [header.function]


@given(pieces=_headers(), role_given=st.booleans(), cut=st.booleans())
def test_any_header_can_be_split_and_its_body_is_its_end(
    pieces: tuple[Piece, ...], role_given: bool, cut: bool
) -> None:
    _, body = split_header(pieces, role_given=role_given, cut=cut)

    assert b"".join(piece.text for piece in pieces).endswith(body)
