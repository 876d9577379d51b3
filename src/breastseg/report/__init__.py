"""One self-contained HTML page from an evaluation's folder."""
