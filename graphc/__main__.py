"""`python -m graphc` is the same command as `graphc`."""

import gc
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line and return its exit status, also when an interrupt comes before it has been read."""
    try:
        from graphc.cli import main as command

        status = command()
        gc.freeze()  # the process ends: nothing is to be looked through once more for what could be freed
        return status
    except KeyboardInterrupt:
        print("graphc: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
