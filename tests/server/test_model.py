from pathlib import Path

import pytest

from optiq_server.model import may_speak_harmony
from optiq_server.settings import Settings


@pytest.mark.parametrize("model", [None, "openai/gpt-oss-20b", "owner/any"])
def test_the_pocket_model_and_a_repository_may_speak_harmony(model: str | None) -> None:
    assert may_speak_harmony(Settings(model=model))


@pytest.mark.parametrize(
    ("config", "expected"),
    [('{"model_type": "gpt_oss"}', True), ('{"model_type": "llama"}', False), ("{", True)],
)
def test_a_folder_tells_by_its_config(tmp_path: Path, config: str, expected: bool) -> None:
    (tmp_path / "config.json").write_text(config)

    assert may_speak_harmony(Settings(model=str(tmp_path))) is expected
