"""What people drew: read, shown and kept."""
