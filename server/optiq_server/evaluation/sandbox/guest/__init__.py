"""What runs inside the sandbox. It starts in milliseconds, so it imports little and no dataclasses."""
