"""Takes parameters; gives a run's folder and its report: runs the notebooks, checks the machine, measures speed.

May import every other part.
"""
