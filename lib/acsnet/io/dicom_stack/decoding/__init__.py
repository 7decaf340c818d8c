"""Decoders of compressed images that run in a process of their own."""
