"""`optiq connect`: shows what a client needs, writes it to the client's own file, and undoes that."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from optiq_server.api_key import API_KEY_VARIABLE

if TYPE_CHECKING:
    # The libraries for other programs' files are loaded when the command runs: `--help` needs none.
    from optiq_server.connect.recipe import ConfigFile, Recipe, Target

_DEFAULT_URL = "http://127.0.0.1:8080"
_DEFAULT_MODEL = "gpt-oss-20b"
_DEFAULT_CONTEXT = 131_072


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the command meets outside. `ask` puts a question, and is None where nobody can answer."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    home: Path = field(default_factory=Path.home)
    ask: Callable[[str], str] | None = None


def add_connect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("client", nargs="?", metavar="CLIENT", help="which one; left out, all are listed")
    parser.add_argument(
        "--base-url", default=_DEFAULT_URL, metavar="URL", help="the server (default: %(default)s)"
    )
    parser.add_argument("--model", metavar="NAME", help="the model's name (default: the server tells)")
    parser.add_argument(
        "--yes", "--apply", dest="is_agreed", action="store_true", help="write without asking"
    )
    parser.add_argument("--print", dest="prints", action="store_true", help="print the lines, write nothing")
    parser.add_argument("--undo", action="store_true", help="make the client's file what it was before")


def surroundings() -> Surroundings:
    """Those of a process: it asks where stdin is a terminal."""
    return Surroundings(ask=input if sys.stdin.isatty() else None)


def run_connect(options: argparse.Namespace, around: Surroundings) -> None:
    """Raises ConnectError, with one line for the user."""
    from optiq_server.connect.catalogue import recipes
    from optiq_server.connect.recipe import RecipeKind

    target = _target(options, around)
    known = recipes(target)
    if options.client is None:
        for recipe in known:
            print(f"{recipe.id:18} {recipe.name:28} {recipe.shown_path or recipe.kind}")
        return
    recipe = _named(known, options.client)
    if options.undo:
        _undo(recipe, around)
        return
    if recipe.kind is not RecipeKind.IMPOSSIBLE:
        recipe = _named(recipes(_asked(target, _key(around), named=options.model)), options.client)
    if options.prints or recipe.file is None:
        _show(recipe)
    else:
        _write(recipe, recipe.file, options, around)


def _target(options: argparse.Namespace, around: Surroundings) -> "Target":
    from optiq_server.connect.errors import CannotConnect
    from optiq_server.connect.recipe import Target

    try:
        return Target(
            base_url=options.base_url.rstrip("/").removesuffix("/v1"),
            model=options.model or _DEFAULT_MODEL,
            context_length=_DEFAULT_CONTEXT,
            needs_key=_key(around) is not None,
        )
    except ValueError as error:
        raise CannotConnect(f"--base-url: {error}") from error


def _key(around: Surroundings) -> str | None:
    return around.environment.get(API_KEY_VARIABLE) or None


def _asked(target: "Target", key: str | None, *, named: str | None) -> "Target":
    """The target as the server there tells it, if it does."""
    from optiq_server.connect.lookup import NotAnswered, ask_served

    try:
        served = ask_served(target.base_url, key)
    except NotAnswered as error:
        print(
            f"optiq: {target.base_url} does not tell which model it has: {error}. Taken is {target.model!r} "
            f"with a context of {target.context_length} tokens",
            file=sys.stderr,
        )
        return target
    return replace(target, model=named or served.model, context_length=served.context_length)


def _named(known: Sequence["Recipe"], client: str) -> "Recipe":
    from optiq_server.connect.errors import CannotConnect

    for recipe in known:
        if recipe.id == client.lower():
            return recipe
    names = ", ".join(recipe.id for recipe in known)
    raise CannotConnect(f"{client!r} is no client that is known here; those are {names}")


def _show(recipe: "Recipe") -> None:
    """What is to be pasted goes to stdout, and what is to be done with it to stderr."""
    from optiq_server.connect.errors import CannotConnect
    from optiq_server.connect.recipe import RecipeKind

    if recipe.kind is RecipeKind.IMPOSSIBLE:
        raise CannotConnect(f"{recipe.name} cannot be connected: {recipe.note}")
    for line in filter(None, (*recipe.steps, recipe.note)):
        print(f"- {line}", file=sys.stderr)
    print(recipe.snippet, end="")


def _write(recipe: "Recipe", file: "ConfigFile", options: argparse.Namespace, around: Surroundings) -> None:
    from optiq_server.connect.config_change import plan_change, write_change
    from optiq_server.connect.errors import UnreadableConfig

    path = file.place.path(around.environment, around.home)
    try:
        change = plan_change(path, file.merge)
    except UnreadableConfig:
        # By hand it is soon done.
        print(recipe.snippet, end="")
        raise
    if not change.is_needed:
        print(f"optiq: {path} has it already", file=sys.stderr)
        return
    print(change.diff())
    if not _agrees(options, around):
        print("optiq: nothing was written; --yes writes it", file=sys.stderr)
        return
    backup = write_change(change)
    kept = "there was no such file before" if backup is None else f"what was before is in {backup}"
    print(f"optiq: written; {kept}; optiq connect {recipe.id} --undo puts it back", file=sys.stderr)


def _undo(recipe: "Recipe", around: Surroundings) -> None:
    from optiq_server.connect.config_change import undo_change
    from optiq_server.connect.errors import CannotConnect

    if recipe.file is None:
        raise CannotConnect(f"{recipe.name} has no file that is written here, so there is nothing to undo")
    path = recipe.file.place.path(around.environment, around.home)
    undo_change(path)
    print(f"optiq: {path} is what it was before", file=sys.stderr)


def _agrees(options: argparse.Namespace, around: Surroundings) -> bool:
    if options.is_agreed or around.ask is None:
        return bool(options.is_agreed)
    return around.ask("write this? [y/N] ").strip().lower() in ("y", "yes")
