"""Interactions → a trained model: units, the life of a run, validation, folding in, engines."""
