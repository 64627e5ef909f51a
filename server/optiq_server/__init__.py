"""The server: command line, HTTP, engine."""
