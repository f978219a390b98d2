"""Takes recordings; gives tables of frames and expressions, and the files that other tools read.

The rows of frames get their columns in `realtime.recording`, those of expressions in `realtime.verdict`.

May import `realtime` and the parts before it.
"""
