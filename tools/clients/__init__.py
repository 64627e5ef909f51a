"""Coding agents against the real server with a scripted model: each does one task with its own tools."""
