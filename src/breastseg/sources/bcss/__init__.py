"""BCSS over the network and on disk: mirrors by name, a download that goes on, a copy held against
the release's own tables."""
