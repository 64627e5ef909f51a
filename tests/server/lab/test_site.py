"""The page's files as they were at the start, and which form of one a client gets."""

import gzip
from pathlib import Path

import pytest

from optiq_server.lab.site import read_site

_SCRIPT = b"console.log('hello');\n" * 50


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_bytes(b"<!doctype html><title>Lab</title>" * 20)
    (tmp_path / "assets" / "app-1a2b.js").write_bytes(_SCRIPT)
    (tmp_path / "assets" / "app-1a2b.js.br").write_bytes(b"brotli")
    (tmp_path / "assets" / "font-3c.woff2").write_bytes(b"wOF2")
    return tmp_path


def test_a_folder_without_an_index_is_no_site(tmp_path: Path) -> None:
    assert read_site(tmp_path) is None
    assert read_site(tmp_path / "nowhere") is None


def test_files_are_named_by_their_paths_and_forms_are_not_files(folder: Path) -> None:
    site = read_site(folder)

    assert site is not None
    assert set(site.files) == {"index.html", "assets/app-1a2b.js", "assets/font-3c.woff2"}
    assert site.index.media_type == "text/html; charset=utf-8"
    assert {name: file.is_hashed for name, file in site.files.items()} == {
        "index.html": False,
        "assets/app-1a2b.js": True,
        "assets/font-3c.woff2": True,
    }


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("BR", "br"),
        ("gzip;q=x", None),
        ("identity", None),
    ],
)
def test_a_client_gets_the_best_form_that_it_takes(folder: Path, accepted: str, encoding: str | None) -> None:
    site = read_site(folder)
    assert site is not None

    chosen, body = site.files["assets/app-1a2b.js"].best(accepted)

    assert chosen == encoding
    plain = {None: body, "br": _SCRIPT, "gzip": gzip.decompress(body) if encoding == "gzip" else b""}
    assert plain[encoding] == _SCRIPT


def test_what_compression_does_not_shrink_has_no_other_form(folder: Path) -> None:
    (folder / "tiny.txt").write_bytes(b"x")
    site = read_site(folder)

    assert site is not None
    assert site.files["tiny.txt"].encoded == site.files["assets/font-3c.woff2"].encoded == {}
