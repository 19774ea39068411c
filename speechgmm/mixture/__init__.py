"""Diagonal Gaussian mixtures, k-means and EM: arrays in, arrays out. This room knows no other.

The model (`gaussian`), the statistics (`statistics`, by the inner loop in `estep`) and the update (`em`) are three
things; there is another update for little data (`adaptation`). `initialisation` gives EM its start, by `kmeans`,
`kmedoids` and other ways, `restarts` several; `selection` compares numbers of components.
"""
