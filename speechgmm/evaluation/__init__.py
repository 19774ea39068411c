"""How good the answers are: metrics, intervals and the report, from decisions alone."""
