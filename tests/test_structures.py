"""`docs/structures.md` has a line for each module, and for none that is gone."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_PACKAGES = {
    "optiq_harmony": ROOT / "harmony" / "optiq_harmony",
    "optiq_server": ROOT / "server" / "optiq_server",
    "optiq_quant": ROOT / "quant" / "optiq_quant",
}


def _modules(package: Path) -> set[str]:
    paths = (path.relative_to(package).with_suffix("") for path in package.rglob("*.py"))
    return {".".join(path.parts) for path in paths if path.name != "__init__"}


def _documented(package: str) -> set[str]:
    """The names in the first column of the tables under the package's heading."""
    text = (ROOT / "docs" / "structures.md").read_text(encoding="utf-8")
    section = text.partition(f"## `{package}`")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}


@pytest.mark.parametrize("package", _PACKAGES)
def test_each_module_has_its_line(package: str) -> None:
    assert _documented(package) == _modules(_PACKAGES[package])
