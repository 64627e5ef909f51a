"""The generator and one unpacked checkpoint for all tests of the pocket model: both take seconds to make."""

from pathlib import Path

import pytest
from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no py.typed

from optiq_harmony.ranks import unpack_ranks
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.pocket.checkpoint import unpack_pocket_checkpoint
from tools.pocket.generator import Generator
from tools.pocket.lexicon import build_lexicon, read_ranks


@pytest.fixture(name="cache_folder", scope="session")
def _cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pocket-cache")


@pytest.fixture(name="ranks", scope="session")
def _ranks(cache_folder: Path) -> Path:
    return unpack_ranks(cache_folder)


@pytest.fixture(name="vocabulary", scope="session")
def _vocabulary(cache_folder: Path) -> Vocabulary:
    return Vocabulary.load(cache_folder)


@pytest.fixture(name="encoding", scope="session")
def _encoding(vocabulary: Vocabulary) -> HarmonyEncoding:
    return vocabulary.encoding


@pytest.fixture(name="generator", scope="session")
def _generator(ranks: Path, encoding: HarmonyEncoding) -> Generator:
    return Generator(lexicon=build_lexicon(read_ranks(ranks), encoding))


@pytest.fixture(name="checkpoint", scope="session")
def _checkpoint(cache_folder: Path, ranks: Path) -> Path:
    return unpack_pocket_checkpoint(cache_folder, ranks)
