"""The card of a written checkpoint."""

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from optiq_quant.model_card import Card, model_card, source_license
from optiq_quant.tables import TextTable
from tests.quant.checkpoints import REFERENCE, inventory_of, plan_for

_MEASURED = TextTable(
    caption="KL divergence on held-out text", columns=("plan", "mean"), rows=(("ours", "0.1"),)
)


def test_the_hub_reads_its_front_matter() -> None:
    card = Card(name="someone/gpt-oss-small", base_model="openai/gpt-oss-20b", license="apache-2.0")

    text = model_card(card, inventory_of(REFERENCE), plan_for(REFERENCE), 1234)

    data = ModelCard(text).data
    assert data.get("base_model") == "openai/gpt-oss-20b"
    assert (data.get("library_name"), data.get("license")) == ("mlx", "apache-2.0")
    assert {"mlx", "quantized", "4-bit"} <= set(data.get("tags"))


def test_it_tells_sizes_codings_and_what_was_measured() -> None:
    card = Card(name="small", tables=(_MEASURED,))

    text = model_card(card, inventory_of(REFERENCE), plan_for(REFERENCE), 379_520)

    assert "files have 379,520 bytes" in text
    assert "12 copied bit for bit from the source, 22 rounded to the nearest code" in text
    assert f"## Measured\n\n{_MEASURED.caption}\n\n{_MEASURED.markdown()}" in text
    assert "](optiq-bits.svg)" in text


def test_nothing_measured_is_no_section() -> None:
    text = model_card(Card(name="small"), inventory_of(REFERENCE), plan_for(REFERENCE), 1)

    assert "## Measured" not in text


@pytest.mark.parametrize(
    ("readme", "expected"),
    [
        ("---\nlicense: mit\n---\n# Model", "mit"),
        ("# Model", None),
        ("---\nlicense: [a]\n---\n", None),
        (None, None),
    ],
)
def test_the_license_is_what_the_sources_card_states(
    tmp_path: Path, readme: str | None, expected: str | None
) -> None:
    if readme is not None:
        (tmp_path / "README.md").write_text(readme)

    assert source_license(tmp_path) == expected
