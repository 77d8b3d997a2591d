"""The models of test/fixtures/training in PyTorch, with the parameter names of their ONNX files."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def norm_relu(width, relu=nn.ReLU):
    return [nn.BatchNorm2d(width), relu()]


def plain(inputs, outputs, kernel, stride=1, **options):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, **options)


class MLP(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.n = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, outputs))

    def forward(self, x):
        return self.n(x)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 16, 3)
        self.c2 = nn.Conv2d(16, 32, 3)
        self.f1 = nn.Linear(800, 48)
        self.f2 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        return self.f2(F.relu(self.f1(torch.flatten(x, 1))))


class DigitsCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.f = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        return self.f(F.avg_pool2d(F.relu(self.c2(x)), 2).flatten(1))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = plain(inputs, outputs, 3, stride)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = plain(outputs, outputs, 3)
        self.bn2 = nn.BatchNorm2d(outputs)
        same = stride == 1 and inputs == outputs
        self.down = None if same else nn.Sequential(plain(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        around = x if self.down is None else self.down(x)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + around)


class ResNetTiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            plain(3, 8, 3), *norm_relu(8), nn.MaxPool2d(3, 2, 1), BasicBlock(8, 8, 1), BasicBlock(8, 16, 2),
            BasicBlock(16, 32, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.backbone(x))


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        hidden = 3 * inputs
        self.residual = stride == 1 and inputs == outputs
        self.n = nn.Sequential(
            plain(inputs, hidden, 1), *norm_relu(hidden, nn.ReLU6),
            plain(hidden, hidden, 3, stride, groups=hidden), *norm_relu(hidden, nn.ReLU6),
            plain(hidden, outputs, 1), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return x + self.n(x) if self.residual else self.n(x)


class MobileNetTiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(
            plain(3, 8, 3, 2), *norm_relu(8, nn.ReLU6), Inverted(8, 8, 1), Inverted(8, 12, 2), Inverted(12, 12, 1),
            Inverted(12, 16, 2), plain(16, 32, 1), *norm_relu(32, nn.ReLU6))
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        return self.fc(self.drop(F.adaptive_avg_pool2d(self.f(x), 1).flatten(1)))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.o = nn.Linear(width, width)

    def forward(self, x, padding=None):
        batch, steps, width = x.shape
        size = width // self.heads
        q, k, v = [t.reshape(batch, steps, self.heads, size).transpose(1, 2) for t in self.qkv(x).chunk(3, -1)]
        scores = q @ k.transpose(-2, -1) / math.sqrt(size)
        if padding is not None:
            scores = scores.masked_fill(padding[:, None, None, :], float('-inf'))
        return self.o((torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, steps, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.n1 = nn.LayerNorm(width)
        self.a = Attention(width, heads)
        self.n2 = nn.LayerNorm(width)
        self.m = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x, padding=None):
        x = x + self.a(self.n1(x), padding)
        return x + self.m(self.n2(x))


class ViTTiny(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.patch = nn.Conv2d(3, width, 8, 8)
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.pos = nn.Parameter(torch.zeros(1, 17, width))
        self.blocks = nn.ModuleList([Block(width, 4) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class TextTiny(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.emb = nn.Embedding(200, width)
        self.pos = nn.Parameter(torch.zeros(16, width))
        self.blocks = nn.ModuleList([Block(width, 4) for _ in range(2)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 4)

    def forward(self, x):
        padding = x == 0
        h = self.emb(x) + self.pos
        for block in self.blocks:
            h = block(h, padding)
        keep = (~padding).to(h.dtype).unsqueeze(-1)
        return self.head((self.norm(h) * keep).sum(1) / keep.sum(1))


def double_conv(inputs, outputs):
    return nn.Sequential(plain(inputs, outputs, 3), *norm_relu(outputs), plain(outputs, outputs, 3), *norm_relu(outputs))


class UNetTiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.d1, self.d2, self.d3 = double_conv(1, 6), double_conv(6, 12), double_conv(12, 24)
        self.up = nn.ConvTranspose2d(24, 12, 2, 2)
        self.c2, self.c1 = double_conv(24, 12), double_conv(18, 6)
        self.o = nn.Conv2d(6, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        y = self.c2(torch.cat([b, self.up(self.d3(F.max_pool2d(b, 2)))], 1))
        large = F.interpolate(y, scale_factor=2.0, mode='bilinear', align_corners=False)
        return self.o(self.c1(torch.cat([a, large], 1)))


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.r = kind(12, 24, batch_first=True)
        self.o = nn.Linear(24, 3)

    def forward(self, x):
        return self.o(self.r(x)[0][:, -1])


class DenseLayer(nn.Module):
    def __init__(self, inputs, growth):
        super().__init__()
        self.n1 = nn.BatchNorm2d(inputs)
        self.c1 = plain(inputs, 2 * growth, 1)
        self.n2 = nn.BatchNorm2d(2 * growth)
        self.c2 = plain(2 * growth, growth, 3)

    def forward(self, xs):
        return self.c2(F.relu(self.n2(self.c1(F.relu(self.n1(torch.cat(xs, 1)))))))


class DenseNetTiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = plain(3, 12, 3, 2)
        self.b1 = nn.ModuleList([DenseLayer(12 + 6 * k, 6) for k in range(3)])
        self.tn = nn.BatchNorm2d(30)
        self.tc = plain(30, 15, 1)
        self.b2 = nn.ModuleList([DenseLayer(15 + 6 * k, 6) for k in range(3)])
        self.n = nn.BatchNorm2d(33)
        self.fc = nn.Linear(33, 10)

    def forward(self, x):
        xs = [self.stem(x)]
        for layer in self.b1:
            xs.append(layer(xs))
        xs = [F.avg_pool2d(self.tc(F.relu(self.tn(torch.cat(xs, 1)))), 2, 2)]
        for layer in self.b2:
            xs.append(layer(xs))
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.n(torch.cat(xs, 1))), 1).flatten(1))


class Misc(nn.Module):
    """Many less common operators in one chain; one weight is used twice."""

    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 8, 3, stride=2, padding=1, dilation=2)
        self.g = nn.Conv2d(8, 16, 3, groups=4, padding=1, stride=2)
        self.t = nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.w = nn.Parameter(torch.ones(8, 1, 1))
        self.l = nn.Linear(8, 10)
        self.tied = nn.Linear(8, 8)
        self.pr = nn.PReLU()

    def forward(self, x):
        x = F.leaky_relu(self.t(F.hardswish(self.g(F.silu(self.c(x))))), .1)
        x = F.avg_pool2d(F.pad(x, (1, 2, 1, 2), value=.3), 3, 2, 1, count_include_pad=False)
        x = F.max_pool2d(x, 3, 1, 1)
        x = torch.where(x > 0.1, x ** 2, torch.sqrt(torch.abs(x) + .1) - (.2 ** .5 - .01))
        x = torch.log(torch.exp(x * self.w) + 1)
        x = F.softplus(x) + F.elu(-x) - 1.0
        x = F.interpolate(self.pr(x), scale_factor=2, mode='nearest')
        a, b = torch.split(x, [3, 5], 1)
        x = torch.cat([b / (1 + torch.sigmoid(b)), a], 1)[:, :, 1:-1, ::2]
        x = x - x.mean((2, 3), keepdim=True) * .5
        h = F.adaptive_avg_pool2d(x, 1).flatten(1) + x.amax((2, 3)) * .1
        h = self.tied(torch.sin(self.tied(h)).clamp(-.9, .9))
        return F.log_softmax(self.l(h * torch.rsqrt((h * h).sum(1, keepdim=True) + .05)), -1) * 1.5


FIXTURES = {
    'logreg': lambda: nn.Sequential(nn.Linear(30, 2)),
    'mlp': lambda: MLP(2),
    'mlp_reg': lambda: MLP(1),
    'cnn': CNN,
    'digits_cnn': DigitsCNN,
    'resnet_tiny': ResNetTiny,
    'resnet_head': ResNetTiny,
    'resnet_frozen': ResNetTiny,
    'mobilenet_tiny': MobileNetTiny,
    'vit_tiny': ViTTiny,
    'text_tiny': TextTiny,
    'unet_tiny': UNetTiny,
    'lstm_tiny': lambda: Recurrent(nn.LSTM),
    'gru_tiny': lambda: Recurrent(nn.GRU),
    'densenet_tiny': DenseNetTiny,
    'misc': Misc,
}
