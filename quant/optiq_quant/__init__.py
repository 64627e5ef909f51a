"""The quantizer and its measurements. Knows no HTTP."""
