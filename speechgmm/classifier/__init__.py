"""From frames to a label: class mixtures, likelihood ratio, calibration, and the file that keeps them."""
