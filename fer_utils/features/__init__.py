"""Takes a track; gives a tensor (4, 2912): geometry (eq. 1 and 2), phases, and tables of many sequences.

May import `landmarks` and the parts before it.
"""
