"""Writes losses.json, optimisers.json and schedules.json beside this file: python3 generate.py (PyTorch 1.13).

Inputs are float32 numbers; everything is computed in float64. Formulas that PyTorch has no loss for are written out with
its autograd. Tests read the JSON files; nobody needs Python to run them.
"""
import json
import pathlib

import torch
from torch import nn
from torch.optim import lr_scheduler

HERE = pathlib.Path(__file__).parent
torch.manual_seed(20240611)


def flat(tensor):
    return [float(v) for v in tensor.detach().double().reshape(-1)]


def normal(*dims):
    return torch.randn(*dims).double()


def dice(z, t, smooth=1.0):
    p = torch.sigmoid(z)
    axes = tuple(range(1, z.dim()))
    return (1 - (2 * (p * t).sum(axes) + smooth) / (p.sum(axes) + t.sum(axes) + smooth)).mean()


def cox(z, t):
    """One event after another, each against all who were observed at least as long (Breslow)."""
    total, events = z.sum() * 0, 0
    for i in range(len(z)):
        if t[i, 1] == 1:
            at_risk = z[t[:, 0] >= t[i, 0]]
            total = total + torch.logsumexp(at_risk.reshape(-1), 0) - z[i, 0]
            events += 1
    return total / max(events, 1)


def classes(dims, count):
    return torch.randint(0, count, dims)


def mask(*dims):
    return (torch.rand(*dims) < 0.4).double()


weights = [0.5, 2.0, 0.0, 1.25]
ignored = classes((6,), 4)
ignored[1] = ignored[4] = -100
ignored_map = classes((3, 2, 3), 4)
ignored_map[0, 1, 2] = ignored_map[2, 0, 0] = 255
times = torch.tensor([[3.0, 1], [1, 0], [2, 1], [2, 1], [5, 0], [2, 0], [4, 1]]).double()
W = torch.tensor(weights).double()
pos = torch.tensor([3.0, 0.25, 1.5]).double()

CASES = [
    ("cross_entropy", {"kind": "cross_entropy"}, normal(5, 4), classes((5,), 4), nn.CrossEntropyLoss()),
    ("class weights", {"kind": "cross_entropy", "classWeights": weights}, normal(7, 4), classes((7,), 4), nn.CrossEntropyLoss(weight=W)),
    ("label smoothing", {"kind": "cross_entropy", "labelSmoothing": 0.1}, normal(5, 4), classes((5,), 4), nn.CrossEntropyLoss(label_smoothing=0.1)),
    ("ignored index", {"kind": "cross_entropy", "ignoreIndex": -100}, normal(6, 4), ignored, nn.CrossEntropyLoss()),
    ("all options", {"kind": "cross_entropy", "classWeights": weights, "labelSmoothing": 0.3, "ignoreIndex": -100}, normal(6, 4), ignored, nn.CrossEntropyLoss(weight=W, label_smoothing=0.3)),
    ("positions", {"kind": "cross_entropy"}, normal(3, 4, 2, 3), classes((3, 2, 3), 4), nn.CrossEntropyLoss()),
    ("positions, all options", {"kind": "cross_entropy", "classWeights": weights, "labelSmoothing": 0.2, "ignoreIndex": 255}, normal(3, 4, 2, 3), ignored_map, nn.CrossEntropyLoss(weight=W, label_smoothing=0.2, ignore_index=255)),
    ("sequence", {"kind": "cross_entropy", "classWeights": weights}, normal(3, 4, 5), classes((3, 5), 4), nn.CrossEntropyLoss(weight=W)),
    ("bce_with_logits", {"kind": "bce_with_logits"}, normal(4, 3), mask(4, 3), nn.BCEWithLogitsLoss()),
    ("soft targets", {"kind": "bce_with_logits"}, normal(4, 3), torch.rand(4, 3).double(), nn.BCEWithLogitsLoss()),
    ("posWeight", {"kind": "bce_with_logits", "posWeight": 3}, normal(6, 1), mask(6, 1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0).double())),
    ("posWeight per output", {"kind": "bce_with_logits", "posWeight": flat(pos)}, normal(4, 3), mask(4, 3), nn.BCEWithLogitsLoss(pos_weight=pos)),
    ("posWeight per channel", {"kind": "bce_with_logits", "posWeight": flat(pos)}, normal(2, 3, 2, 2), mask(2, 3, 2, 2), nn.BCEWithLogitsLoss(pos_weight=pos.reshape(3, 1, 1))),
    ("mse", {"kind": "mse"}, normal(4, 3), normal(4, 3), nn.MSELoss()),
    ("mae", {"kind": "mae"}, normal(4, 3), normal(4, 3), nn.L1Loss()),
    ("huber", {"kind": "huber", "delta": 0.7}, normal(6, 2) * 2, normal(6, 2), nn.HuberLoss(delta=0.7)),
    ("smooth_l1", {"kind": "smooth_l1", "beta": 0.7}, normal(6, 2) * 2, normal(6, 2), nn.SmoothL1Loss(beta=0.7)),
    ("dice", {"kind": "dice"}, normal(3, 1, 4, 4), mask(3, 1, 4, 4), dice),
    ("bce_dice", {"kind": "bce_dice"}, normal(3, 1, 4, 4), mask(3, 1, 4, 4), lambda z, t: nn.BCEWithLogitsLoss()(z, t) + dice(z, t)),
    ("cox", {"kind": "cox"}, normal(7, 1), times, cox),
    ("cox of large hazards", {"kind": "cox"}, (normal(7, 1) * 300).float().double(), times, cox),
]


def losses():
    out = []
    for name, spec, z, t, loss in CASES:
        z = z.float().double().requires_grad_()
        t = t.float().double() if t.is_floating_point() else t
        value = loss(z, t)
        value.backward()
        out.append({
            "name": name, "spec": spec, "dims": list(z.shape), "output": flat(z), "target": flat(t),
            "loss": float(value), "gradient": flat(z.grad),
        })
    return out


OPTIMISERS = [
    ("SGD", {"kind": "sgd"}, torch.optim.SGD, {}),
    ("SGD", {"kind": "sgd", "momentum": 0.9, "weightDecay": 0.01}, torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"kind": "sgd", "momentum": 0.8, "dampening": 0.3}, torch.optim.SGD, {"momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"kind": "sgd", "momentum": 0.9, "nesterov": True, "weightDecay": 0.01}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {"kind": "adam"}, torch.optim.Adam, {}),
    ("Adam", {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weightDecay": 0.1}, torch.optim.Adam, {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adam", {"kind": "adam", "beta2": 0.9, "amsgrad": True}, torch.optim.Adam, {"betas": (0.9, 0.9), "amsgrad": True}),
    ("AdamW", {"kind": "adamw"}, torch.optim.AdamW, {}),
    ("AdamW", {"kind": "adamw", "weightDecay": 0.2, "beta2": 0.9, "amsgrad": True}, torch.optim.AdamW, {"betas": (0.9, 0.9), "weight_decay": 0.2, "amsgrad": True}),
    ("RMSprop", {"kind": "rmsprop"}, torch.optim.RMSprop, {}),
    ("RMSprop", {"kind": "rmsprop", "alpha": 0.9, "epsilon": 1e-3, "weightDecay": 0.1}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"kind": "rmsprop", "alpha": 0.9, "momentum": 0.7, "centered": True}, torch.optim.RMSprop, {"alpha": 0.9, "momentum": 0.7, "centered": True}),
    ("RMSprop", {"kind": "rmsprop", "momentum": 0.5}, torch.optim.RMSprop, {"momentum": 0.5}),
    ("Adagrad", {"kind": "adagrad"}, torch.optim.Adagrad, {}),
    ("Adagrad", {"kind": "adagrad", "rateDecay": 0.1, "initialAccumulator": 0.5, "epsilon": 1e-3, "weightDecay": 0.1}, torch.optim.Adagrad, {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3, "weight_decay": 0.1}),
]
RATE = 0.05
STEPS = 20


def optimisers():
    start, gradients = normal(6), normal(STEPS, 6)
    out = []
    for _, spec, make, options in OPTIMISERS:
        p = start.clone().requires_grad_()
        optimiser = make([p], lr=RATE, **options)
        steps = []
        for g in gradients:
            p.grad = g.clone()
            optimiser.step()
            steps.append(flat(p))
        out.append({"spec": {**spec, "learningRate": RATE}, "parameters": steps})
    return {"start": flat(start), "gradients": [flat(g) for g in gradients], "cases": out}


def step(optimiser):
    return lr_scheduler.StepLR(optimiser, step_size=3, gamma=0.5)


def cosine(optimiser):
    return lr_scheduler.CosineAnnealingLR(optimiser, T_max=20, eta_min=0.1)


def warm(after):
    def make(optimiser):
        up = lr_scheduler.LinearLR(optimiser, start_factor=0.2, total_iters=5)
        return lr_scheduler.SequentialLR(optimiser, [up, after(optimiser)], milestones=[5])
    return make


WARM = {"warmupSteps": 5, "warmupStart": 0.2}
SCHEDULES = [
    ({"kind": "step", "stepSize": 3, "gamma": 0.5}, step, 20),
    ({"kind": "cosine", "totalSteps": 20, "minimum": 0.1}, cosine, 21),
    ({"kind": "constant", **WARM}, lambda o: lr_scheduler.LinearLR(o, start_factor=0.2, total_iters=5), 20),
    ({"kind": "step", "stepSize": 3, "gamma": 0.5, **WARM}, warm(step), 20),
    ({"kind": "cosine", "totalSteps": 20, "minimum": 0.1, **WARM}, warm(cosine), 26),
]


def schedules():
    out = []
    for spec, make, steps in SCHEDULES:
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = make(optimiser)
        factors = []
        for _ in range(steps):
            factors.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        out.append({"spec": spec, "factors": factors})
    return out


for name, content in (("losses", losses()), ("optimisers", optimisers()), ("schedules", schedules())):
    (HERE / f"{name}.json").write_text(json.dumps(content) + "\n")
