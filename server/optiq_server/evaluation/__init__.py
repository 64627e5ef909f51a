"""`optiq eval`: benchmarks against any OpenAI-compatible server. It knows HTTP as a client does."""
