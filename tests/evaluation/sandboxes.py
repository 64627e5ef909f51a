"""The mechanisms that hold on the machine that runs the tests; where there is none, tests are skipped."""

import functools

import pytest

from optiq_server.evaluation.sandbox.containment import breach, mechanisms
from optiq_server.evaluation.sandbox.installation import this_installation
from optiq_server.evaluation.sandbox.limits import Limits
from optiq_server.evaluation.sandbox.mechanism import Mechanism
from optiq_server.evaluation.sandbox.runner import Sandbox

MECHANISMS = {mechanism.name: mechanism for mechanism in mechanisms(this_installation())}


@functools.cache
def _why_not(name: str) -> str | None:
    mechanism = MECHANISMS[name]
    return mechanism.why_not() or breach(mechanism)


def holding(name: str) -> Mechanism:
    reason = _why_not(name)
    if reason is not None:
        pytest.skip(f"{name} does not hold here: {reason}")
    return MECHANISMS[name]


def any_sandbox(*, parallel: int, limits: Limits | None = None) -> Sandbox:
    for name, mechanism in MECHANISMS.items():
        if _why_not(name) is None:
            return Sandbox(mechanism=mechanism, limits=limits or Limits(), parallel=parallel)
    pytest.skip("nothing on this machine contains a program")
