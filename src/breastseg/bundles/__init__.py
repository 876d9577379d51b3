"""A finished model as files: card, bundle, hub, engines. Never PyTorch."""
