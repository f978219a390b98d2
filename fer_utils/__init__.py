"""Sequential facial expression analysis from geometric features (arXiv:2512.05669)."""
