"""Diagonal Gaussian mixtures, k-means and EM: arrays in, arrays out. This room knows no other.

The model (`gaussian`), the statistics (`statistics`) and the update (`em`) are three things; `kmeans` and
`initialisation` give EM its start.
"""
