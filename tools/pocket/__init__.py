"""How the pocket model is made: its data, its training, its export and its measurement."""
