"""`python -m graphc` is the same command as `graphc`."""

import sys

from graphc.cli import main

if __name__ == "__main__":
    sys.exit(main())
