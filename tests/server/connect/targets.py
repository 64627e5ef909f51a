"""A server for clients to be told of."""

from optiq_server.connect.recipe import Target

TARGET = Target(base_url="http://127.0.0.1:8080", model="gpt-oss-20b", context_length=131_072)
KEYED = Target(base_url="http://127.0.0.1:8080", model="gpt-oss-20b", context_length=131_072, needs_key=True)
OTHER = Target(base_url="http://127.0.0.1:9000", model="other", context_length=4096)
