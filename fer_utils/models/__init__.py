"""Takes tensors; gives probabilities: networks and their training, baselines, and LiteRT files for prediction.

May import `features` and the parts before it. `litert` imports no TensorFlow.
"""
