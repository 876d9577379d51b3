"""Networks by name, their losses, and bundles: weights that never travel without their card."""
