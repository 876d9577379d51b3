"""Downloads that go on where they stopped, and appear whole or not at all."""
