"""Running a program that nobody trusts. It knows no benchmark and no model."""
