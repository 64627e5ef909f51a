"""What the quantizer's allocations and codes are worth beside others, on held-out text."""
