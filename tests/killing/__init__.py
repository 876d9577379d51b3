"""Commands that are killed and given again: scripts/kills, and a little of it in the tests."""
