"""What pixels are called: LabelMap, the codes of data sets, maps by name."""

from breastseg.labels.bcss import BCSS_CODES
from breastseg.labels.label_map import NOT, Color, LabelClass, LabelMap, Labels
from breastseg.labels.registry import BUILT_IN, label_map_of, load_label_map
from breastseg.labels.vocabulary import Vocabulary, Word, WordMap, all_but

__all__ = [
    "BCSS_CODES",
    "BUILT_IN",
    "NOT",
    "Color",
    "LabelClass",
    "LabelMap",
    "Labels",
    "Vocabulary",
    "Word",
    "WordMap",
    "all_but",
    "label_map_of",
    "load_label_map",
]
