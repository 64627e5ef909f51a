"""MMLU: the chat that asks, and the letter that counts."""

from pathlib import Path

import pytest

from optiq_server.evaluation.errors import DataDamaged
from optiq_server.evaluation.mmlu import LETTERS, Mmlu, chosen_letter, load_mmlu, read_questions
from optiq_server.evaluation.suite import Answer
from tests.evaluation.benchmark_data import published

_HEADER = "question,choice0,choice1,choice2,choice3,answer\n"


def _folder(tmp_path: Path) -> Path:
    for split, rows in (("dev", 'Up?,a,b,c,d,0\n"Down,\nor?",e,f,g,h,1\n'), ("test", "Left?,i,j,k,l,3\n")):
        (tmp_path / split).mkdir()
        (tmp_path / split / f"high_school_maps_{split}.csv").write_text(_HEADER + rows)
    return tmp_path


def test_the_examples_are_earlier_turns_and_the_question_is_the_last(tmp_path: Path) -> None:
    [item] = load_mmlu(_folder(tmp_path)).items

    system, *turns = item.messages
    assert "high school maps" in system["content"]
    assert [(turn["role"], turn["content"]) for turn in turns] == [
        ("user", "Up?\nA. a\nB. b\nC. c\nD. d"),
        ("assistant", "Answer: A"),
        ("user", "Down,\nor?\nA. e\nB. f\nC. g\nD. h"),
        ("assistant", "Answer: B"),
        ("user", "Left?\nA. i\nB. j\nC. k\nD. l"),
    ]
    assert (item.id, item.cluster, item.reference) == (
        "high_school_maps/0",
        "high_school_maps",
        {"answer": "D"},
    )


@pytest.mark.parametrize(("shots", "messages"), [(0, 2), (1, 4), (5, 6)])
def test_the_number_of_examples_can_be_chosen(tmp_path: Path, shots: int, messages: int) -> None:
    [item] = load_mmlu(_folder(tmp_path), shots).items

    assert len(item.messages) == messages


def test_more_examples_than_there_are_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="6 shots"):
        load_mmlu(_folder(tmp_path), 6)


def test_the_layout_of_the_first_publication_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x_test.csv"
    path.write_text("Left?,i,j,k,l,D\n")

    [question] = read_questions(path)

    assert (question.text, question.choices, question.answer) == ("Left?", ("i", "j", "k", "l"), "D")


@pytest.mark.parametrize(
    ("row", "message"), [("Left?,i,j,k,3\n", "row 1: 5 columns"), ("Left?,i,j,k,l,E\n", "0 to 3 or A to D")]
)
def test_a_damaged_row_is_told(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "x_test.csv"
    path.write_text(_HEADER + row)

    with pytest.raises(DataDamaged, match=message):
        read_questions(path)


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataDamaged, match="holds no SUBJECT_test"):
        load_mmlu(tmp_path)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Answer: B", "B"),
        ("Answer: **B**", "B"),
        ("answer: b", "B"),
        ("The answer is (C).", "C"),
        ("The correct answer is: D", "D"),
        (r"Answer: \boxed{A}", "A"),
        (r"Answer: $\boxed{\text{A}}$", "A"),
        ("Answer: A is wrong. I mean:\nAnswer: D", "D"),
        ("First, A and B are wrong.\n\nC", "C"),
        ("C. Because it says so", "C"),
        ("(d)", "D"),
        ("**B)** it is", "B"),
        ("The answer is a matter of taste", None),
        ("A good question", None),
        ("Answer: E", None),
        ("Answer: Both", None),
        ("I do not know", None),
        ("", None),
    ],
)
def test_the_letter_that_an_answer_gives(text: str, letter: str | None) -> None:
    assert chosen_letter(text) == letter


def test_no_letter_is_a_failure(tmp_path: Path) -> None:
    suite = load_mmlu(_folder(tmp_path))

    verdict = suite.score(suite.items[0], Answer(text="Hm"))

    assert (verdict.passed, verdict.detail) == (False, "wanted D, found no letter")


@pytest.fixture(name="suite", scope="module")
def _suite() -> Mmlu:
    return load_mmlu(published("mmlu/test/anatomy_test.csv").parents[1])


def test_the_published_set_has_57_subjects(suite: Mmlu) -> None:
    assert len(suite.items) == 14042
    assert len({item.cluster for item in suite.items}) == 57
    assert len({item.id for item in suite.items}) == 14042
    assert {len(item.messages) for item in suite.items} == {12}


def test_all_reference_answers_pass_and_all_other_letters_fail(suite: Mmlu) -> None:
    for item in suite.items:
        passing = [letter for letter in LETTERS if suite.score(item, Answer(text=f"Answer: {letter}")).passed]
        assert passing == [item.reference["answer"]]
