"""Export: trained weights in, a complete model folder out, through Optimum and ONNX Runtime's quantizer."""

import skinapp  # noqa: F401  before onnxruntime, whose telemetry it switches off
