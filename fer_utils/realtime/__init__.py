"""Takes frames as they come; gives labels: `Recognizer`, the rows of its CSV files, the demo.

May import `models`, `features`, `landmarks`, `data` and `plots`.
"""
