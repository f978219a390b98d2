"""Takes a folder; gives `Sequence`s: readers of the datasets, frames of pictures and videos, labels.

May import the root modules only.
"""
