"""Takes a dataset's folder; gives its `Inventory`. One module a dataset; `data/registry.py` names them all.

A reader uses `tree`, `labels` and `sequence` of the folder above, and nothing else of the package.
"""
