"""`python -m optiq_server` is the same as `optiq`."""

import sys

from optiq_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
