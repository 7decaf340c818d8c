"""Compressed images: their true size, and decoders that run in a process of their own."""
