"""Takes tables and tracks; gives figures and widgets. Computes no result.

May import `models` and the parts before it."""
