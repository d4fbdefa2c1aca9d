"""Tiny networks with random weights in ONNX files, one for each kind of data that is numbers."""

import numpy as np

CHANNELS = 16


def save(nodes, inputs, outputs, weights, file, beside=False):
    """Write a graph, its floats of the shapes that are given by name; return the file as text."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def infos(shapes, elem=TensorProto.FLOAT):
        return [helper.make_tensor_value_info(name, elem, shape) for name, shape in shapes.items()]

    arrays = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    nodes = [helper.make_node(op, takes, gives, **how) for op, takes, gives, how in nodes]
    graph = helper.make_graph(nodes, "graph", infos(inputs), infos(outputs), arrays)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    where = {"save_as_external_data": True, "location": f"{file.name}.data", "size_threshold": 0}
    onnx.save(model, str(file), **(where if beside else {}))
    return str(file)


def convolution(file, channels, kernel, batch="n", sides=None, beside=False):
    """Write a rectified convolution, its map and the largest of each channel; return the file."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(CHANNELS, channels, *kernel)).astype(np.float32)
    axes = ["h", "w"][-len(kernel) :]
    nodes = [
        ("Conv", ["x", "weight"], ["conv"], {}),
        ("Relu", ["conv"], ["map"], {}),
        ("GlobalMaxPool", ["map"], ["largest"], {}),
    ]
    outputs = {
        "map": [batch, CHANNELS, *(f"{axis}2" for axis in axes)],
        "largest": [batch, CHANNELS, *[1] * len(kernel)],
    }
    inputs = {"x": [batch, channels, *(sides or axes)]}
    return save(nodes, inputs, outputs, {"weight": weight}, file, beside)


def of_kind(kind, folder):
    """Write a network for grey images, series of 3 channels, sounds or vectors; return the file."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{kind}.onnx"
    if kind == "vector":  # of any length, whose numbers it bends
        nodes = [("LeakyRelu", ["x"], ["y"], {"alpha": 0.5})]
        return save(nodes, {"x": ["n", "d"]}, {"y": ["n", "d"]}, {}, file)
    channels, kernel = {"image": (1, (3, 3)), "series": (3, (5,)), "audio": (1, (20,))}[kind]
    return convolution(file, channels, kernel)
