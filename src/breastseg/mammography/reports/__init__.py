"""The text of a mammography report -> structured values with their places; and what is missing or
contradicts itself.

Rules and tables (`vocabulary`, `phrases`), no network and no model.
"""
