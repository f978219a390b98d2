"""Takes tables and tracks; gives figures. Computes no result.

May import `data`, `landmarks`, `features`, `models`.
"""
