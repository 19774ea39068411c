"""Crossvalidation."""
