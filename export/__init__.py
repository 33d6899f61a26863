"""Export: trained weights in, a complete model folder out, through Optimum and ONNX Runtime's quantizer."""
