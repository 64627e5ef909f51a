"""Where the Python is that runs inside the sandbox, and what of the file system it needs. Read only."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
"""Where the dynamic loader and the C library are on Linux."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`folders` hold the interpreter with its standard library, `libraries` what these are linked to, and
    `package` is the folder of `optiq_server`. A virtual environment's packages are not among them.
    """

    executable: str
    folders: tuple[str, ...]
    libraries: tuple[str, ...]
    package: str


def this_installation() -> Installation:
    """The one that runs this code, without its virtual environment."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    of_the_base = Path(sys.base_prefix) / "bin" / version
    executable = os.path.realpath(of_the_base if of_the_base.exists() else sys.executable)
    folders = {os.path.realpath(folder) for folder in (sys.base_prefix, sys.base_exec_prefix)}
    return Installation(
        executable=executable,
        folders=tuple(sorted(folders)),
        libraries=tuple(folder for folder in _LIBRARIES if Path(folder).is_dir()),
        package=str(Path(__file__).resolve().parents[2]),
    )
