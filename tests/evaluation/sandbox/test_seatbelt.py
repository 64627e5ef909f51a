"""macOS's profile, as text: it was not measured on a Mac."""

from optiq_server.evaluation.sandbox.installation import Installation
from optiq_server.evaluation.sandbox.seatbelt import Seatbelt, profile

_INSTALLATION = Installation(
    executable="/opt/python/bin/python3.11",
    folders=("/opt/python",),
    libraries=(),
    package='/Users/a "b"/site-packages/optiq_server',
)


def test_everything_is_denied_but_what_is_named() -> None:
    rules = profile(_INSTALLATION, "/private/tmp/work").splitlines()

    assert rules[1] == "(deny default)"
    assert {"(deny network*)", "(deny file-write*)", "(deny signal)"} <= set(rules)


def test_only_the_installation_and_the_system_may_be_read_and_only_null_written() -> None:
    text = profile(_INSTALLATION, "/private/tmp/work")

    assert '(subpath "/opt/python")' in text
    assert text.count('(subpath "/Users') == 1
    assert text.count("file-write-data") == 1
    assert '(allow file-write-data (literal "/dev/null"))' in text


def test_paths_are_quoted_and_the_brackets_close() -> None:
    text = profile(_INSTALLATION, "/private/tmp/work")

    assert '"/Users/a \\"b\\"/site-packages/optiq_server"' in text
    assert text.count("(") == text.count(")")


def test_the_guest_is_started_under_the_profile_and_its_memory_is_watched() -> None:
    seatbelt = Seatbelt(installation=_INSTALLATION)

    command = seatbelt.command("/private/tmp/work")

    assert command[:2] == ["sandbox-exec", "-p"]
    assert command[3] == "/opt/python/bin/python3.11"
    assert seatbelt.watches_memory
