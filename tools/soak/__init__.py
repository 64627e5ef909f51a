"""Mixed traffic for minutes, to see that memory stays and nothing fails."""
