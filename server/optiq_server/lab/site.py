"""The page's built files, read once: what each one is, and how its bytes may be sent. No HTTP framework.

A file `x` may have its compressed forms beside it, `x.br` and `x.gz`; where there is no `x.gz` it is made.
Only what was there at the start is ever served, so no path leads elsewhere.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SITE_FOLDER = Path(__file__).parent / "site"
"""Where the build puts the page, inside the package."""

INDEX = "index.html"

_HASHED_FOLDER = "assets/"
"""Whose files have a hash of their content in their names."""

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_UNKNOWN_TYPE = "application/octet-stream"

_ENCODINGS = {".br": "br", ".gz": "gzip"}
_PREFERENCE = ("br", "gzip")
_COMPRESSED_ALREADY = (".png", ".woff2")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFile:
    """One file. `encoded` has its compressed forms by the names that HTTP has for them."""

    media_type: str
    is_hashed: bool
    plain: bytes
    encoded: Mapping[str, bytes]

    @property
    def tag(self) -> str:
        """Changes with the content."""
        return hashlib.sha256(self.plain).hexdigest()[:16]

    def best(self, accepted: str) -> tuple[str | None, bytes]:
        """The smallest form that a client takes which sends `accepted` as its Accept-Encoding."""
        names = _accepted(accepted)
        chosen = next((name for name in _PREFERENCE if name in self.encoded and name in names), None)
        return (chosen, self.plain) if chosen is None else (chosen, self.encoded[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """All files by their paths below the folder, with `/` in them."""

    files: Mapping[str, SiteFile]

    @property
    def index(self) -> SiteFile:
        return self.files[INDEX]


def read_site(folder: Path = SITE_FOLDER) -> Site | None:
    """The page in `folder`; None where none was built."""
    if not (folder / INDEX).is_file():
        return None
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    originals = [name for name in found if not _is_form_of_another(name, found)]
    return Site(files={name: _file(name, found) for name in originals})


def _is_form_of_another(name: str, found: Mapping[str, Path]) -> bool:
    return any(name.endswith(suffix) and name.removesuffix(suffix) in found for suffix in _ENCODINGS)


def _file(name: str, found: Mapping[str, Path]) -> SiteFile:
    plain = found[name].read_bytes()
    encoded = {
        encoding: found[name + suffix].read_bytes()
        for suffix, encoding in _ENCODINGS.items()
        if name + suffix in found
    }
    if "gzip" not in encoded and not name.endswith(_COMPRESSED_ALREADY):
        encoded["gzip"] = gzip.compress(plain, mtime=0)
    return SiteFile(
        media_type=_MEDIA_TYPES.get(Path(name).suffix, _UNKNOWN_TYPE),
        is_hashed=name.startswith(_HASHED_FOLDER),
        plain=plain,
        encoded={each: form for each, form in encoded.items() if len(form) < len(plain)},
    )


def _accepted(header: str) -> set[str]:
    """The codings that an Accept-Encoding header names and does not refuse (RFC 9110, section 12.5.3)."""
    return {name for name, weight in map(_coding, header.split(",")) if weight > 0}


def _coding(item: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    return name, _weight(parameters)


def _weight(parameters: Iterable[str]) -> float:
    given = next((each.removeprefix("q=") for each in parameters if each.startswith("q=")), "1")
    try:
        return float(given)
    except ValueError:
        return 0.0
