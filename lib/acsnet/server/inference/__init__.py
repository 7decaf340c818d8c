"""Inference of the server: queue, models, task, response."""
