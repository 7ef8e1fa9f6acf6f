"""The training pipelines of the breed and cough classifiers, and the pieces they share.

Heavy packages (TensorFlow, Keras, scikit-learn, Matplotlib) are imported by the functions that need them.
"""
