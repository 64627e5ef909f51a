"""What is known of a coding agent: its package, its configuration, how it is run, its task. Values only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tools.clients.actor import Call, Task

GREETING = "hello from gpt-oss"
FILE_NAME = "hello.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One agent. `configuration` takes the server's base URL, and is what README shows.

    `configuration_path` is below the home folder. `calls` takes the project's folder: which of the agent's
    tools do the task, with arguments in the order of their schema, as the grammar wants them.
    """

    name: str
    package: str
    endpoint: str
    configuration_path: str
    configuration: Callable[[str], str]
    arguments: Sequence[str]
    calls: Callable[[Path], Sequence[Call]]
    environment: Mapping[str, str] = field(default_factory=dict)

    def task(self, project: Path) -> Task:
        return Task(
            prompt=f"Write the line '{GREETING}' into {FILE_NAME}, then read the file back.",
            calls=self.calls(project),
            answer=f"{FILE_NAME} says: {GREETING}",
        )
