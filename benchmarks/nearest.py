"""How often the most alike training field is of the class that is there: fields of a data set whose
patients did not train the model, against the reference that lies with it.

    python benchmarks/nearest.py DATA [--model breast2]
"""

import argparse
from collections import Counter

import numpy as np

from breastseg.bundles.reference import FIELD_PX, read_reference
from breastseg.data.dataset import open_dataset
from breastseg.explain.nearest import nearest
from breastseg.inference.model import load_model

PURE = 0.75
"""Share of a field that one class must have, as in the reference."""


def main() -> None:
    """Print a row a class."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", help="a prepared data set")
    parser.add_argument("--model", default="breast2", metavar="MODEL", help="with a reference")
    given = parser.parse_args()
    model, data = load_model(given.model), open_dataset(given.data)
    reference = read_reference(model.bundle)
    taught = set(model.card.training.patients_of("train"))
    asked, right = Counter[str](), Counter[str]()
    for region, row in data.regions.iterrows():
        if row["patient"] in taught or row["annotation"] != "areas":
            continue
        labels, image = np.asarray(data.labels(region)), np.asarray(data.image(region))
        for y in range(0, labels.shape[0] - FIELD_PX + 1, FIELD_PX):
            for x in range(0, labels.shape[1] - FIELD_PX + 1, FIELD_PX):
                place = slice(y, y + FIELD_PX), slice(x, x + FIELD_PX)
                counts = np.bincount(labels[place].ravel(), minlength=len(data.label_map.names) + 1)
                label = int(counts[1:].argmax()) + 1
                if counts[label] < PURE * FIELD_PX**2:
                    continue
                true = data.label_map.names[label - 1]
                near = nearest(reference, model.features(image[place][None])[0])[0]
                asked[true] += 1
                right[true] += near.field.class_name == true
    for name in asked:
        print(f"{name}: {right[name]} of {asked[name]}, {right[name] / asked[name]:.0%}")
    everything = sum(asked.values())
    print(f"all: {sum(right.values())} of {everything}, {sum(right.values()) / everything:.0%}")


if __name__ == "__main__":
    main()
