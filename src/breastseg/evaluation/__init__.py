"""evaluate(): scores of a model on annotated regions, through the same inference that users run."""
