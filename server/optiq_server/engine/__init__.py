"""The engine: token ids in, token ids out. One worker thread owns the model; the event loop talks to it."""
