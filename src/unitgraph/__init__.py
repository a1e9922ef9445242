"""The knowledge graph of a library federation's Professional Units, published as linked data."""

__version__ = "0.1.0"
