"""Measuring models: metrics, protocol, confidence, comparison."""
