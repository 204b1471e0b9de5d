"""relubloom: ReLU networks that store sets of tokens as Bloom filters do."""

__version__ = "0.1.0"
