"""Settings: legal values, and the names and folders that follow from them."""

from datetime import date
from pathlib import Path

import pytest

from optiq_server.api_key import ApiKey
from optiq_server.settings import GenerationSettings, HttpSettings, Settings, default_cache_folder


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_has_sixteen_bits(port: int) -> None:
    with pytest.raises(ValueError, match=str(port)):
        HttpSettings(port=port)


@pytest.mark.parametrize("time_limit", [0.0, -1.0, float("inf"), float("nan")])
def test_a_time_limit_is_a_positive_number(time_limit: float) -> None:
    with pytest.raises(ValueError, match="time limit"):
        GenerationSettings(time_limit=time_limit)


def test_a_key_is_in_no_representation() -> None:
    settings = Settings(http=HttpSettings(api_key=ApiKey("sesame-4711")))

    assert "sesame-4711" not in repr(settings)


def test_a_queue_limit_is_not_negative() -> None:
    assert GenerationSettings(queue_limit=0, current_date=date(2026, 1, 31)).queue_limit == 0
    with pytest.raises(ValueError, match="queue limit"):
        GenerationSettings(queue_limit=-1)


def test_the_environment_names_the_cache_folder(tmp_path: Path) -> None:
    assert default_cache_folder({"OPTIQ_CACHE": str(tmp_path)}) == tmp_path


def test_without_it_the_platform_does() -> None:
    assert default_cache_folder({}).name == "optiq"


def test_the_model_is_named_as_told(tmp_path: Path) -> None:
    folder = tmp_path / "my-gpt-oss"
    folder.mkdir()

    assert Settings(model="openai/gpt-oss-20b").model_name == "openai/gpt-oss-20b"
    assert Settings(model=str(folder)).model_name == "my-gpt-oss"
    assert Settings(model=str(folder), served_model_name="x").model_name == "x"
    assert Settings().model_name == "optiq-pocket"


def test_kv_bits_are_refused_with_the_reason() -> None:
    with pytest.raises(ValueError, match="attention sinks"):
        GenerationSettings(kv_bits=4)
