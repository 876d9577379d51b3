"""Why a model says what it says at a place: its probabilities there, which surroundings carry the
answer, and the fields of its training data that are most like it. Never PyTorch."""

from breastseg.explain.explanation import Explanation
from breastseg.explain.place import explain, explain_place, look_at
from breastseg.explain.reference import export_reference

__all__ = ["Explanation", "explain", "explain_place", "export_reference", "look_at"]
