"""Takes recordings; gives tables of frames and expressions, and the files that other tools read.

The rows of frames and of expressions get their columns in `realtime.csv_rows`.

May import `realtime` and the parts before it.
"""
