"""What is measured on a label image: areas, shares, shapes and distances."""

from breastseg.maps.measures.exploration import explore
from breastseg.maps.measures.slide import measure

__all__ = ["explore", "measure"]
