"""The body of GET /v1/lab/connect."""

from pydantic import BaseModel

from optiq_server.connect.recipe import Language, Recipe, RecipeKind


class ClientBody(BaseModel):
    """What one client needs; `path` is its file, where it has one."""

    id: str
    name: str
    kind: RecipeKind
    path: str | None
    language: Language
    snippet: str
    steps: list[str]
    note: str


class ClientList(BaseModel):
    """All clients that are known."""

    clients: list[ClientBody]


def client_body(recipe: Recipe) -> ClientBody:
    return ClientBody(
        id=recipe.id,
        name=recipe.name,
        kind=recipe.kind,
        path=recipe.shown_path,
        language=recipe.language,
        snippet=recipe.snippet,
        steps=list(recipe.steps),
        note=recipe.note,
    )
