"""Pictures and tables from label images; knows no model."""
