"""The clients' npm packages: installed once, from the lock, into a folder of their own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json")


def install(prefix: Path) -> Path:
    """The folder of the commands, which are there afterwards. Raises CalledProcessError as npm fails."""
    commands = prefix / "node_modules" / ".bin"
    if _is_installed(prefix):
        return commands
    prefix.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copyfile(_HERE / name, prefix / name)
    # Not `npm ci`, which wants each platform's package in the lock: a registry may not have them all.
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-save"]
    # What the Makefile preloads for MLX is nothing for node.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(command, cwd=prefix, env=environment, stdout=sys.stderr, check=True)
    return commands


def version_of(package: str) -> str:
    """The version that package.json pins."""
    manifest = json.loads((_HERE / "package.json").read_text())
    version: str = manifest["dependencies"][package]
    return version


def _is_installed(prefix: Path) -> bool:
    """npm writes the inner lock when it has come to its end."""
    return (prefix / "node_modules" / ".package-lock.json").exists() and all(
        (prefix / name).read_bytes() == (_HERE / name).read_bytes() for name in _FILES
    )
