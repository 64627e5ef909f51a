"""Sentences, tokens and languages."""

from optiq_server.evaluation.ifeval_text import count_words, language, sentences, tokens


def test_abbreviations_and_numbers_end_no_sentence() -> None:
    text = "Mr. Brown paid $3.50 to J. Smith of Acme Inc. yesterday. Was it enough? No!"

    assert sentences(text) == [
        "Mr. Brown paid $3.50 to J. Smith of Acme Inc. yesterday.",
        "Was it enough?",
        "No!",
    ]


def test_words_are_runs_of_letters_and_digits() -> None:
    assert count_words("It's 3 o'clock - really") == 6


def test_tokens_keep_hyphens_and_split_punctuation() -> None:
    assert tokens("Well-known FACTS. Don't!") == ["Well-known", "FACTS", ".", "Do", "n't", "!"]


def test_a_language_is_detected_the_same_way_every_time() -> None:
    text = "Guten Tag! How are you?"

    assert language("Guten Tag, wie geht es Ihnen heute?") == "de"
    assert len({language(text) for _ in range(20)}) == 1


def test_a_text_without_letters_has_no_language() -> None:
    assert language("123 !!") is None
