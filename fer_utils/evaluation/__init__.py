"""Takes tensors and people; gives tables: splits, cross-validation, metrics with intervals, ablations, claims.

May import `models` and the parts before it.
"""
