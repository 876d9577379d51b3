"""What only H&E has: tissue, stain, white places."""
