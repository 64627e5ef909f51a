"""The published files of benchmarks, too large for the repository: from OPTIQ_DATA, or beside it."""

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"


def published(path: str) -> Path:
    """Skips the test where the file is not here."""
    file = Path(os.environ.get("OPTIQ_DATA", _BESIDE)) / path
    if not file.is_file():
        pytest.skip(f"{path} is not here: give its folder as OPTIQ_DATA")
    return file
