"""How other programs are told of this server: what to paste, and what to write into their own files."""
