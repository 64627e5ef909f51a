"""Which version this is."""

from importlib.metadata import version

_DISTRIBUTION = "optiq-server"


def installed_version() -> str:
    """The version of the installed distribution."""
    return version(_DISTRIBUTION)
