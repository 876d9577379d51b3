"""The command line: one file a command; each parses, calls one public function, prints where the
result is."""

from breastseg.cli.main import main

__all__ = ["main"]
