"""Help for who draws: first masks to correct."""
