"""Which class wins: a bias per class, chosen on a part of a data set, held against others."""
