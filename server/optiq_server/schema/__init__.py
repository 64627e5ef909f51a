"""The shapes of HTTP bodies, as pydantic models; the only place where bodies are validated."""
