"""The PyTorch side of bench/train.ts: trains one model, see trainProtocol.ts."""
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

from torchFixtures import FIXTURES
from torchModels import GENERATED

LOSSES = {
    'cross_entropy': F.cross_entropy,
    'bce_with_logits': F.binary_cross_entropy_with_logits,
    'mse': F.mse_loss,
}
state = {}


def floats(folder, name, dims):
    with open(os.path.join(folder, name), 'rb') as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(dims)


def load(model, folder):
    """The weights of the ONNX file; every parameter must be there."""
    with open(os.path.join(folder, 'weights.json')) as file:
        index = json.load(file)
    flat = floats(folder, 'weights.bin', [-1])
    values, at = {}, 0
    for entry in index:
        count = 1
        for dim in entry['dims']:
            count *= dim
        values[entry['name']] = flat[at:at + count].reshape(entry['dims'])
        at += count
    missing = [name for name, _ in model.named_parameters() if name not in values]
    if missing:
        raise ValueError(f'no weights for {missing[:3]}')
    model.load_state_dict({k: v for k, v in values.items() if k in model.state_dict()}, strict=False)


def open_job(job, first_steps):
    torch.set_num_threads(job['threads'])
    torch.manual_seed(0)
    models = FIXTURES if job['kind'] == 'fixture' else GENERATED
    if job['name'] not in models:
        raise ValueError(f"no PyTorch model for {job['name']}")
    model = models[job['name']]()
    load(model, job['folder'])
    frozen = set(job['frozen'])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    x = floats(job['folder'], 'x.bin', job['x']['dims'])
    y = floats(job['folder'], 'y.bin', job['y']['dims'])
    if job['x']['dtype'] == 'int64':
        x = x.long()
    if job['loss'] == 'cross_entropy':
        y = y.long()
    trained = [p for p in model.parameters() if p.requires_grad]
    state.update(model=model, x=x, y=y, loss=LOSSES[job['loss']],
                 optimiser=torch.optim.SGD(trained, lr=1e-3, momentum=0.9))
    has_dropout = any(isinstance(m, torch.nn.Dropout) and m.p > 0 for m in model.modules())
    model.train(not has_dropout)
    set_eval(job)
    with torch.no_grad():
        loss = state['loss'](model(x), y).item() if has_dropout else None
    model.train()
    set_eval(job)
    first = train(first_steps)
    loss = first if loss is None else loss
    return {'parameters': sum(p.numel() for p in trained), 'loss': loss}


def set_eval(job):
    for name in job['evalModules']:
        state['model'].get_submodule(name).eval()


def train(steps):
    """Steps one by one; the loss is read after each, as Konsil does. Gives their mean."""
    total = 0
    model, x, y, loss_of, optimiser = (state[k] for k in ('model', 'x', 'y', 'loss', 'optimiser'))
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(model(x), y)
        loss.backward()
        optimiser.step()
        total += loss.item()
    return total / steps


def burst(steps):
    train(1)
    wall, cpu = time.perf_counter(), time.process_time()
    train(steps - 1)
    return {'wallMs': 1000 * (time.perf_counter() - wall) / (steps - 1),
            'cpuMs': 1000 * (time.process_time() - cpu) / (steps - 1)}


def answer(request):
    if request['do'] == 'open':
        return open_job(request['job'], request['firstSteps'])
    if request['do'] == 'burst':
        return burst(request['steps'])
    return {'peakMb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:  # the parent lists it and goes on
        reply = {'error': f'PyTorch: {type(error).__name__}: {error}'}
    print(json.dumps(reply), flush=True)
