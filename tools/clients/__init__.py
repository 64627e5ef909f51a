"""Coding agents against the real server with a scripted model: each completes one task that uses its tools."""
