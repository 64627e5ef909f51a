"""The pocket model: a tiny trained gpt_oss in the package, a demonstration and a test instrument."""

from optiq_server.pocket.checkpoint import PocketDamaged, unpack_pocket_checkpoint

__all__ = ["PocketDamaged", "unpack_pocket_checkpoint"]
