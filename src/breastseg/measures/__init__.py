"""Areas from label images."""

from breastseg.measures.areas import class_areas

__all__ = ["class_areas"]
