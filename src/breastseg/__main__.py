"""python -m breastseg."""

import sys

from breastseg.cli import main

if __name__ == "__main__":
    sys.exit(main())
