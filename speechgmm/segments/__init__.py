"""Segments of long recordings: who speaks when, as labels over time, and how right they are."""
