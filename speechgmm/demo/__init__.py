"""Demonstration corpora: excerpts of the AMI meeting corpus (real speech) and synthetic voices.

Main path: `ami_corpus.download` -> `ami_corpus.extract`, where `turns` finds the single-speaker intervals. Without a
network: `synthesis.write_voices`.
"""
