"""Export of one decoding step as an ONNX graph."""
