"""Streams as tests compare them: without the comments, which come by the clock."""

_COMMENT = ": ping\n\n"


def without_comments(text: str) -> str:
    """A whole stream's text; on a busy machine a comment may stand between any two events."""
    return text.replace(_COMMENT, "")


def events_in(text: str) -> list[str]:
    """A whole stream's events, as they were written."""
    return without_comments(text).removesuffix("\n\n").split("\n\n")
