"""Published classifiers of mammogram regions done again: by patient, beside what learns nothing."""
