"""The dialects: how each family of models is spoken to."""
