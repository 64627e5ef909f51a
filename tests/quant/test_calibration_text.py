"""Text for measuring: three parts that share nothing, and errors that name the place."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.calibration_text import Extent, Part, prompts_of_file, text_of_file
from optiq_quant.errors import CalibrationUnusable
from tests.quant.speech import LetterSpeech

_SPEECH = LetterSpeech()


def _write(folder: Path, name: str, *lines: object) -> Path:
    path = folder / name
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def _chat(text: str, **fields: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **fields}


@given(lengths=st.lists(st.integers(1, 40), min_size=12, max_size=30), limit=st.integers(45, 200))
def test_no_prompt_stands_in_two_parts_and_none_exceeds_its_tokens(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("text")
    chats = [_chat(chr(65 + index) * length + "..") for index, length in enumerate(lengths)]
    path = _write(folder, "chats.jsonl", *chats, *chats)

    text = text_of_file(path, _SPEECH, Extent(tokens=dict.fromkeys(Part, limit)))

    prompts = [prompt for part in Part for prompt in text.parts[part]]
    assert len(set(prompts)) == len(prompts)
    assert all(0 < text.tokens(part) <= limit for part in Part)


def test_lines_stand_in_the_part_that_they_name(tmp_path: Path) -> None:
    path = _write(tmp_path, "chats.jsonl", *(_chat(part.value, split=part.value) for part in Part))

    text = text_of_file(path, _SPEECH, Extent())

    assert {part: text.parts[part] for part in Part} == {
        part: (tuple(_SPEECH.encode_text(part.value)),) for part in Part
    }


def test_the_same_text_has_the_same_parts_and_fingerprint(tmp_path: Path) -> None:
    path = _write(tmp_path, "chats.jsonl", *(_chat(f"{number} text") for number in range(8)))
    first, again = (text_of_file(path, _SPEECH, Extent()) for _ in range(2))

    shorter = text_of_file(path, _SPEECH, Extent(longest=3))

    assert first == again
    assert first.fingerprint == again.fingerprint != shorter.fingerprint


def test_plain_text_is_cut_into_windows_and_a_short_rest_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(chr(65 + index // 10) for index in range(84)))

    text = text_of_file(path, _SPEECH, Extent(window=10))

    prompts = [prompt for part in Part for prompt in text.parts[part]]
    assert sorted(prompts) == [(index + 1,) * 10 for index in range(8)]
    assert [len(text.parts[part]) for part in Part] == [4, 2, 2]


def test_reasoning_tools_and_parts_of_content_are_read(tmp_path: Path) -> None:
    call = {"id": "c1", "function": {"name": "weather", "arguments": {"city": "Rome"}}}
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "He"}, {"type": "text", "text": "llo"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        {"role": "assistant", "reasoning": "Hm.", "content": "It is sunny."},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    path = _write(tmp_path, "chat.jsonl", {"messages": messages, "tools": tools})

    [prompt] = prompts_of_file(path, _SPEECH, Extent(), is_plain=False)

    assert prompt == tuple(_SPEECH.encode_text("HelloHm.It is sunny."))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: the line must be an object"),
        ('{"messages": []}', "line 2: messages must not be empty"),
        ('{"messages": [{"role": "boss", "content": "x"}]}', r"messages\[0\].role is 'boss'; legal are"),
        ('{"messages": [{"role": "user", "content": 3}]}', r"messages\[0\].content must be a list"),
        ('{"messages": [{"role": "tool", "content": "x"}]}', r"messages\[0\].name must be a string"),
        ('{"messages": [{"role": "user", "content": "x"}], "split": "dev"}', "split is 'dev'; legal are"),
        ('{"messages": [{"role": "user", "content": "\\u0000"}]}', "line 2: text: zero is no letter"),
    ],
)
def test_a_bad_line_is_told_by_file_line_and_field(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "chats.jsonl"
    path.write_text(json.dumps(_chat("fine")) + "\n" + line + "\n")

    with pytest.raises(CalibrationUnusable, match=problem) as caught:
        text_of_file(path, _SPEECH, Extent())

    assert str(path) in str(caught.value)


def test_text_that_is_too_short_for_three_parts_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path, "chats.jsonl", _chat("one"), _chat("two"))

    with pytest.raises(CalibrationUnusable, match="part 'report'"):
        text_of_file(path, _SPEECH, Extent())


def test_a_missing_file_and_one_that_is_not_text_are_told(tmp_path: Path) -> None:
    binary = tmp_path / "weights.txt"
    binary.write_bytes(b"\xff\xfe\x00")

    for path in (tmp_path / "none.txt", binary):
        with pytest.raises(CalibrationUnusable, match=path.name):
            text_of_file(path, _SPEECH, Extent())


def test_sizes_that_make_no_prompt_are_refused() -> None:
    with pytest.raises(ValueError, match="window is 1"):
        Extent(window=1)
