"""Look for bits in the last linear map of an ONNX model, whose hidden layer has no ReLU.

    pip install onnx
    pip install --no-deps --target somewhere rapidocr-onnxruntime
    python examples/onnx_readout.py \\
        somewhere/rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx
"""

import argparse
from pathlib import Path

import numpy as np
import onnx

import relubloom as rb


def last_matrix(path: Path) -> np.ndarray:
    """The weights [width, vocab] of the last matrix product in the graph."""
    graph = onnx.load(path).graph
    tensors = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            (tensors[node.output[0]],) = (a.t for a in node.attribute if a.name == "value")
    products = [node for node in graph.node if node.op_type == "MatMul"]
    if not products or products[-1].input[1] not in tensors:
        raise SystemExit(f"{path} ends in no product with stored weights (MatMul)")
    return onnx.numpy_helper.to_array(tensors[products[-1].input[1]])


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description="Look for bits in a readout.")
    parser.add_argument("model", type=Path, help="an ONNX file")
    readout = last_matrix(parser.parse_args().model)
    found = rb.examine_readout(readout)
    kinds = found.entries
    print(f"units {readout.shape[0]}, tokens {readout.shape[1]}")
    print(found.says)
    print(f"two modes by BIC: {kinds.two_modes}")
    print(f"their means {kinds.means[0]:.3f} and {kinds.means[1]:.3f}")
    print(f"their shares {kinds.shares[0]:.1%} and {kinds.shares[1]:.1%}")
    print(f"the would-be bits of a token: {found.code.weights.mean():.1f} of {readout.shape[0]}")


if __name__ == "__main__":
    main()
