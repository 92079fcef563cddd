"""Numerical verification of gradients, before anything is written."""
