"""The pages that people see: work list, case pages, viewers."""
