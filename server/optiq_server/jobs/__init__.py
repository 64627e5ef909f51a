"""Long work in processes of its own: quantizing and evaluating, started and watched by the server."""
