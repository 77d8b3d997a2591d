"""The architectures of src/training/zoo and bench/models.ts in PyTorch, with the same parameter names.

`GENERATED` are the measured ones, at the sizes of bench/models.ts.
"""
import functools

import torch
import torch.nn as nn
import torch.nn.functional as F


class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), DoubleConv(inputs, outputs))

    def forward(self, x):
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, outputs, 2, 2)
        self.conv = DoubleConv(2 * outputs, outputs)

    def forward(self, below, beside):
        return self.conv(torch.cat([beside, self.up(below)], 1))


class Last(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv(x)


class UNet(nn.Module):
    def __init__(self, channels=1, outputs=1, width=64, depth=4):
        super().__init__()
        self.depth = depth
        self.inc = DoubleConv(channels, width)
        for level in range(1, depth + 1):
            setattr(self, f'down{level}', Down(width * 2 ** (level - 1), width * 2 ** level))
        for level in reversed(range(depth)):
            setattr(self, f'up{depth - level}', Up(width * 2 ** (level + 1), width * 2 ** level))
        self.outc = Last(width, outputs)

    def forward(self, x):
        levels = [self.inc(x)]
        for level in range(1, self.depth + 1):
            levels.append(getattr(self, f'down{level}')(levels[-1]))
        x = levels.pop()
        for i in range(1, self.depth + 1):
            x = getattr(self, f'up{i}')(x, levels.pop())
        return self.outc(x)


class CNN(nn.Module):
    """McMahan et al. 2017."""

    def __init__(self, channels=1, size=28, outputs=10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.fc1 = nn.Linear(64 * (size // 4) ** 2, 512)
        self.fc2 = nn.Linear(512, outputs)

    def forward(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class EcgBlock(nn.Module):
    def __init__(self, inputs, outputs, kernel, ratio):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, outputs, kernel, padding=(kernel - 1) // 2, bias=False)
        self.bn1 = nn.BatchNorm1d(outputs)
        self.relu = nn.ReLU()
        self.dropout1 = nn.Dropout(ratio)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel, 4, max(0, (kernel - 3) // 2), bias=False)
        self.bn2 = nn.BatchNorm1d(outputs)
        self.dropout2 = nn.Dropout(ratio)
        skip = [nn.MaxPool1d(4)] + ([nn.Conv1d(inputs, outputs, 1, bias=False)] if inputs != outputs else [])
        self.skip_connection = nn.Sequential(*skip)

    def forward(self, x, y):
        x = self.conv2(self.dropout1(self.relu(self.bn1(self.conv1(x))))) + self.skip_connection(y)
        return self.dropout2(self.relu(self.bn2(x))), x


class EcgResNet(nn.Module):
    """Ribeiro et al. 2020."""

    def __init__(self, leads=12, length=4096, outputs=6, widths=(64, 128, 196, 256, 320), kernel=17, dropout=0.2):
        super().__init__()
        self.conv1 = nn.Conv1d(leads, widths[0], kernel, padding=(kernel - 1) // 2, bias=False)
        self.bn1 = nn.BatchNorm1d(widths[0])
        self.blocks = len(widths) - 1
        for i in range(self.blocks):
            setattr(self, f'resblock1d_{i}', EcgBlock(widths[i], widths[i + 1], kernel, dropout))
        self.lin = nn.Linear(widths[-1] * length // 4 ** self.blocks, outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        y = x
        for i in range(self.blocks):
            x, y = getattr(self, f'resblock1d_{i}')(x, y)
        return self.lin(x.flatten(1))


class LSTMClassifier(nn.Module):
    def __init__(self, inputs=32, hidden=64, outputs=2):
        super().__init__()
        self.rnn = nn.LSTM(inputs, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.fc(self.rnn(x)[0][:, -1])


def vision(name, **options):
    import torchvision
    return getattr(torchvision.models, name)(weights=None, **options)


def vit(size=64, width=384, layers=12, heads=6, outputs=10):
    from torchvision.models.vision_transformer import VisionTransformer
    return VisionTransformer(size, 8, layers, heads, width, 4 * width, num_classes=outputs)


GENERATED = {
    'resnet18': functools.partial(vision, 'resnet18', num_classes=10),
    'mobilenet_v2': functools.partial(vision, 'mobilenet_v2', num_classes=10),
    'vit_small': vit,
    'unet': functools.partial(UNet, width=32),
    'lstm': LSTMClassifier,
}
