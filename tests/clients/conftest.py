"""gpt-oss's dialect on the day of the fixtures."""

from concurrent.futures import Future

import pytest

from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from tools.clients.scripted_server import CURRENT_DATE


@pytest.fixture(scope="session", name="vocabulary")
def _vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    return Vocabulary.load(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", name="dialect")
def _dialect(vocabulary: Vocabulary) -> HarmonyDialect:
    """It renders; what would constrain replies is never made."""
    return HarmonyDialect(vocabulary, current_date=CURRENT_DATE, compiler=Future())
