"""A mechanism is chosen because it was seen to hold; where none does, nothing runs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from optiq_server.evaluation.errors import EvaluationError
from optiq_server.evaluation.sandbox.bubblewrap import Bubblewrap
from optiq_server.evaluation.sandbox.containment import breach, find_sandbox, mechanisms, refusal
from optiq_server.evaluation.sandbox.errors import NoContainment
from optiq_server.evaluation.sandbox.installation import this_installation
from optiq_server.evaluation.sandbox.kernel_rules import KernelRules
from optiq_server.evaluation.sandbox.mechanism import guest_arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class _Nothing:
    """Starts the guest as it is, without hiding anything from it."""

    name: str = "nothing"
    watches_memory: bool = False
    readable: None = None

    def why_not(self) -> str | None:
        return None

    def command(self, folder: str) -> Sequence[str]:
        del folder
        return guest_arguments(this_installation(), os.path.dirname(this_installation().package))


def test_a_mechanism_that_hides_no_files_is_seen_not_to_hold() -> None:
    found = breach(_Nothing())

    assert found is not None
    assert "read a file of the host" in found
    assert "list the home folder" in found or not os.listdir(os.path.expanduser("~"))


def test_a_mechanism_that_starts_nothing_is_seen_not_to_hold() -> None:
    found = breach(Bubblewrap(installation=replace(this_installation(), executable="/nowhere/python")))

    assert found is not None
    assert "no verdict" in found


def test_the_sandbox_that_is_found_holds() -> None:
    try:
        sandbox = find_sandbox(parallel=2)
    except NoContainment as error:
        pytest.skip(str(error))

    assert sandbox.parallel == 2
    assert breach(sandbox.mechanism) is None


def test_a_refusal_names_what_was_tried_and_what_to_install() -> None:
    text = refusal(["bubblewrap: bwrap is not on the PATH."])

    assert "bwrap is not on the PATH" in text
    assert "nstall" in text or "sandbox-exec is part of macOS" in text
    assert issubclass(NoContainment, EvaluationError)


def test_mechanisms_of_this_system_have_different_names() -> None:
    names = [mechanism.name for mechanism in mechanisms(this_installation())]

    assert len(names) == len(set(names))


def test_bubblewrap_binds_nothing_of_the_host_for_writing() -> None:
    command = list(Bubblewrap(installation=this_installation()).command("/anywhere"))

    assert "--bind" not in command
    assert command[command.index("--remount-ro") + 1] == "/"
    assert "--unshare-all" in command
    assert "/anywhere" not in command


def test_the_kernels_rules_let_the_python_installation_be_read_only() -> None:
    rules = KernelRules(installation=this_installation())

    assert set(rules.readable) == {*this_installation().folders, *this_installation().libraries}


def test_the_interpreter_of_the_sandbox_is_not_that_of_a_virtual_environment() -> None:
    installation = this_installation()

    assert os.path.exists(installation.executable)
    assert os.path.basename(installation.package) == "optiq_server"
