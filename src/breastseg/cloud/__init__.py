"""Objects in buckets and behind addresses: fetched to scratch ahead of use, results sent back."""
