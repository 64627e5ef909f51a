"""One vocabulary for all of the package's tests: loading it is the only slow thing here."""

from pathlib import Path

import pytest
from hypothesis import settings

from optiq_harmony.vocabulary import Vocabulary
from tests.harmony.spelling import Speller

# No clock decides a test; on a busy machine an example may take any time.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(name="cache_folder", scope="session")
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(name="vocabulary", scope="session")
def _vocabulary(cache_folder: Path) -> Vocabulary:
    return Vocabulary.load(cache_folder)


@pytest.fixture(name="speller", scope="session")
def _speller(vocabulary: Vocabulary) -> Speller:
    return Speller(vocabulary)
