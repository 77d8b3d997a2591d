"""Whether PyTorch gives the outputs that onnxruntime gave: `zooForward.py FOLDER`, see pytorch.test.ts.

For each entry of cases.json it loads the weights of <name>.onnx into PyTorch's module and prints, as JSON, the number of
parameters and the largest difference of the outputs, relative to the largest output.
"""
import json
import os
import sys

import onnx
import torch
from onnx import numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../bench'))
import torchModels  # noqa: E402

torch.set_num_threads(1)
MODULES = {
    'cnn': lambda: torchModels.CNN(size=8),
    'resnet18': lambda: torchModels.vision('resnet18', num_classes=10),
    'unet': lambda: torchModels.UNet(channels=2, outputs=3, width=8, depth=2),
    'ecg_resnet': lambda: torchModels.EcgResNet(leads=2, length=128, widths=(8, 8, 12, 16), kernel=5, dropout=0),
    'vit_small': lambda: torchModels.vit(size=32, width=48, layers=2, heads=3),
    'mobilenet_v2': lambda: torchModels.vision('mobilenet_v2', num_classes=10, dropout=0.0),
    'lstm': torchModels.LSTMClassifier,
}


def floats(path, dims):
    with open(path, 'rb') as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(dims)


folder = sys.argv[1]
with open(os.path.join(folder, 'cases.json')) as file:
    cases = json.load(file)
results = {}
for name, case in cases.items():
    at = os.path.join(folder, name)
    graph = onnx.load(f'{at}.onnx')
    onnx.checker.check_model(graph)
    weights = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.graph.initializer}
    model = MODULES[name]().train()
    state = model.state_dict()
    counters = {key: value for key, value in state.items() if key.endswith('num_batches_tracked')}
    model.load_state_dict({**weights, **counters})  # strict: every name must be there, and no other
    y = model(floats(f'{at}.x', case['x'])).detach()
    error = (y - floats(f'{at}.y', case['y'])).abs().max() / y.abs().max()
    results[name] = {'parameters': sum(p.numel() for p in model.parameters()), 'error': error.item()}
print(json.dumps(results))
