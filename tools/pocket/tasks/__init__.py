"""The task families, one module each: `make` draws a question with its working and its answer."""
