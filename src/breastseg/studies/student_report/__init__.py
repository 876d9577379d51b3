"""The results chapter of the student report, from scores of today."""
