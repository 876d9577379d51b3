"""Pages for people: an evaluation, the report's chapter, an audit, a map, a model."""
