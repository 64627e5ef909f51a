"""The built page belongs to its sources: what `make lab` writes is what is committed. Needs no Node."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from optiq_server.lab.site import SITE_FOLDER
from tests.server.command_line import ROOT

_SOURCE_FOLDER = ROOT / "server" / "lab"
_RECORD = "build.json"
_SOURCES = ("index.html", "package-lock.json", "package.json", "src", "tsconfig.json", "vite.config.ts")
"""The same list stands in vite.config.ts."""


def _hashes(root: Path, paths: Iterable[Path]) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]


@pytest.fixture(name="record")
def _record() -> dict[str, dict[str, str]]:
    record: dict[str, dict[str, str]] = json.loads((SITE_FOLDER / _RECORD).read_text(encoding="utf-8"))
    return record


def test_the_page_was_built_from_these_sources(record: dict[str, dict[str, str]]) -> None:
    sources = [path for name in _SOURCES for path in _files(_SOURCE_FOLDER / name)]

    assert _hashes(_SOURCE_FOLDER, sources) == record["sources"], "the sources have changed: make lab"


def test_nobody_has_changed_the_built_files(record: dict[str, dict[str, str]]) -> None:
    built = [path for path in _files(SITE_FOLDER) if path.name != _RECORD]

    assert _hashes(SITE_FOLDER, built) == record["built"]


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((_SOURCE_FOLDER / "package-lock.json").read_text(encoding="utf-8"))

    packages = [package for name, package in lock["packages"].items() if name]
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages)
