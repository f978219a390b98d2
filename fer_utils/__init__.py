"""Sequential facial expression analysis from geometric features (arXiv:2512.05669)."""

import os

# TensorFlow greets every process with a page of notes on its build; warnings and errors still show
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# a picture of a megabyte can unpack to gigabytes; OpenCV reads its limit when it is imported
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))
