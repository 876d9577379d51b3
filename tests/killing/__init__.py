"""Commands that are killed and given again: scripts/kills, and a little of it in test_kills.py."""
