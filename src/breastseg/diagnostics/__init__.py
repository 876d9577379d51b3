"""This machine: what of it can be used (`doctor`), and how fast it maps (`bench`)."""

from pathlib import Path

SLIDE = Path(__file__).with_name("TCGA-A2-A0D2.svs")
"""A tiny slide with tumor, stroma and necrosis; README.md beside it tells where it is from."""
