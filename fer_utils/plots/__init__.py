"""Takes tables and tracks; gives figures and widgets. Computes no result.

May import `evaluation` and the parts before it."""
