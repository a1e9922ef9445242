"""The broker's process."""

import sys

from unitgraph.engine.broker import main

if __name__ == "__main__":
    main(sys.argv[1:])
