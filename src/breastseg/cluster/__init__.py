"""Slides on many machines by an engine that is kept by others: one task a slide."""
