"""The command line: argument parsing and printing only; heavy imports inside the commands."""

from relubloom.cli.app import main

__all__ = ["main"]
