"""OptiQ Lab: the page's built files, in `site`, and what is told to the page alone."""
