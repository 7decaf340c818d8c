"""Training data: data sets, patient lists, cases."""
