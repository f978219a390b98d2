"""Takes recordings; gives tables of frames and expressions, and the files that other tools read.

May import `realtime` and the parts before it.
"""
