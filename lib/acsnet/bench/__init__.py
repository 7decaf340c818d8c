"""Benchmark of the pipeline on this machine: time, throughput, memory, share of peak compute."""
