"""Regions -> a prepared Dataset: resampled once, memory-mapped, split by patient, drawn in random
crops."""
