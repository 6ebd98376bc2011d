"""Goldens of the optimisers, of ten whole training steps, and of ten of fine-tuning: train.safetensors.

Weights, gradients and pixels come from noise(), which tests/unit/noise.h has too, so that only
results are stored. Everything is computed in double; ten steps are computed in single as well, to
show that the problem is well enough behaved for a bound of 1e-3.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

torch.set_num_threads(1)
golden = {}


# ---- the same numbers here and in C --------------------------------------------------------------
def noise(key, count):
    """[count] numbers in [-1, 1), multiples of 2^-23."""
    x = (np.arange(count, dtype=np.uint64) + key * 0x9E3779B9) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    x = (x * 0x85EBCA6B) & 0xFFFFFFFF
    x ^= x >> np.uint64(13)
    x = (x * 0xC2B2AE35) & 0xFFFFFFFF
    x ^= x >> np.uint64(16)
    return (x >> np.uint64(8)).astype(np.float64) * 2.0**-23 - 1


def key_of(name):
    key = 2166136261
    for byte in name.encode():
        key = ((key ^ byte) * 16777619) & 0xFFFFFFFF
    return key


# ---- update rules: the reference's, with the rate inside the velocity ------------------------------
EETA = 0.001


def decays(rule, kind):
    return kind in ("kernel", "logits") if rule == "lars" else kind not in ("gamma", "beta")


class Classic:
    """LARS and SGD."""

    def __init__(self, rule, momentum, decay, nesterov, tensors):
        self.rule, self.momentum, self.decay, self.nesterov = rule, momentum, decay, nesterov
        self.tensors = tensors  # (kind, tensor)
        self.v = [torch.zeros_like(w) for _, w in tensors]

    @torch.no_grad()
    def step(self, rate):
        for (kind, w), v in zip(self.tensors, self.v):
            g = w.grad
            if decays(self.rule, kind):
                g = g + self.decay * w
            trust = 1.0
            if self.rule == "lars" and kind == "kernel":
                wn, gn = w.norm().item(), g.norm().item()
                if wn > 0 and gn > 0:
                    trust = EETA * wn / gn
            v.mul_(self.momentum).add_(rate * trust * g)
            w.sub_(self.momentum * v + rate * trust * g if self.nesterov else v)


# ---- ten updates of a handful of tensors -----------------------------------------------------------
SHAPES = {
    "kernel": ("kernel", (4, 3, 3, 3)),
    "large": ("kernel", (200, 100)),  # two blocks
    "bias": ("bias", (5,)),
    "gamma": ("gamma", (7,)),
    "beta": ("beta", (7,)),
    "logits": ("logits", (4, 6)),  # the reference's head_supervised: LARS leaves its rate alone
    "born_zero": ("kernel", (3, 2)),
    "no_gradient": ("kernel", (3, 2)),
}
RATES = [0.0, 0.5, 1.0, 0.9, 1.0, 0.7, 0.4, 0.3, 0.1, 0.05]
PEAK = {"lars": 20.0, "sgd": 0.1, "adam": 0.05, "adamw": 0.05}
DECAY = 0.05
SAMPLE = 101  # every 101st number of a large tensor is stored


def start(name):
    shape = SHAPES[name][1]
    value = noise(key_of(name), math.prod(shape)) / 2
    if name == "born_zero":
        value[:] = 0
    return torch.tensor(value.reshape(shape), requires_grad=True)


def gradient(name, step):
    shape = SHAPES[name][1]
    value = noise((key_of(name) + step + 1) & 0xFFFFFFFF, math.prod(shape))
    if name == "no_gradient":
        value[:] = 0
    return torch.tensor(value.reshape(shape))


def sampled(tensor):
    flat = tensor.detach().numpy().reshape(-1)
    return np.ascontiguousarray(flat[::SAMPLE] if flat.size > 1000 else flat)


def updates(case, rule, nesterov):
    tensors = {name: start(name) for name in SHAPES}
    if rule in ("lars", "sgd"):
        own = Classic(rule, 0.9, DECAY, nesterov, [(SHAPES[n][0], w) for n, w in tensors.items()])
        slots = {"momentum": own.v}
    else:
        kind = torch.optim.Adam if rule == "adam" else torch.optim.AdamW
        own = kind(
            [
                {"params": [w], "weight_decay": DECAY if decays(rule, SHAPES[n][0]) else 0.0}
                for n, w in tensors.items()
            ],
            lr=1.0,
        )
    for step, share in enumerate(RATES):
        rate = PEAK[rule] * share
        for name, w in tensors.items():
            w.grad = gradient(name, step)
        if isinstance(own, Classic):
            own.step(rate)
        else:
            for group in own.param_groups:
                group["lr"] = rate
            own.step()
    if rule in ("adam", "adamw"):
        slots = {
            "first": [own.state[w]["exp_avg"] for w in tensors.values()],
            "second": [own.state[w]["exp_avg_sq"] for w in tensors.values()],
        }
    for i, (name, w) in enumerate(tensors.items()):
        before = start(name).detach()
        moved = (w.detach() - before).norm() / before.norm()
        print(f"{case:14} {name:12} moved by {moved:.3f} of its norm")
        assert moved > 0.01
        golden[f"{case}.{name}"] = sampled(w)
        for slot, values in slots.items():
            golden[f"{case}.{slot}.{name}"] = sampled(values[i])


for name in PEAK:
    updates(name, name, False)
for name in ("lars", "sgd"):
    updates(name + "-nesterov", name, True)


def same_as_pytorch_while_the_rate_stands_still():
    for nesterov in (False, True):
        a, b = start("kernel"), start("kernel")
        own = Classic("sgd", 0.9, DECAY, nesterov, [("kernel", a)])
        theirs = torch.optim.SGD([b], lr=0.1, momentum=0.9, weight_decay=DECAY, nesterov=nesterov)
        for step in range(10):
            a.grad, b.grad = gradient("kernel", step), gradient("kernel", step)
            own.step(0.1)
            theirs.step()
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-15), nesterov


same_as_pytorch_while_the_rate_stands_still()


# ---- ten whole steps: resnet20, head of three layers, NT-Xent --------------------------------------
PICTURES, SIDE, PATCHES, HIDDEN, OUT, TEMPERATURE = 4, 16, 2, 64, 32, 0.5
STEPS, WARMUP = 10, 2
RUNS = {"lars": (0.05, 1e-2), "sgd": (0.0002, 1e-2)}  # peak, decay
CHANNELS = (16, 32, 64)


def shapes():
    """name -> (kind, shape), as torchvision would call them."""
    out = {}

    def norm(name, c, shift=True):
        out[name + ".weight"] = ("gamma", (c,))
        if shift:
            out[name + ".bias"] = ("beta", (c,))

    out["conv1.weight"] = ("kernel", (16, 3, 3, 3))
    norm("bn1", 16)
    c = 16
    for stage, k in enumerate(CHANNELS):
        for block in range(3):
            for half in (1, 2):
                base = f"layer{stage + 1}.{block}"
                out[f"{base}.conv{half}.weight"] = ("kernel", (k, c, 3, 3))
                norm(f"{base}.bn{half}", k)
                c = k
    widths = [64, HIDDEN, HIDDEN, OUT]
    for i in range(3):
        out[f"{i}.weight"] = ("kernel", (widths[i + 1], widths[i]))
        norm(f"{i}.bn", widths[i + 1], shift=i < 2)
    return out


def initial(name, kind, shape, dtype):
    count = math.prod(shape)
    value = noise(key_of(name), count)
    if kind == "kernel":
        value = value * math.sqrt(3 / (count // shape[0]))
    else:
        value = value / 4 + (1 if kind == "gamma" else 0)
    value = value.astype(np.float32)  # what C starts from
    return torch.tensor(value.reshape(shape), dtype=dtype, requires_grad=True)


def pixels(dtype):
    """Pictures of coarse coloured patches; a view adds its own fine grain."""

    def level(name, side):
        return np.floor((noise(key_of(name), side * side * 3) + 1) * 128).reshape(side, side, 3)

    rows = []
    for view in range(2):
        for picture in range(PICTURES):
            patches = level(f"picture{picture}", PATCHES)
            own = patches.repeat(SIDE // PATCHES, 0).repeat(SIDE // PATCHES, 1)
            grain = level(f"picture{picture}view{view}", SIDE)
            rows.append(np.floor((3 * own + grain) / 4))
    x = torch.tensor(np.stack(rows), dtype=dtype) / 255
    return x.permute(0, 3, 1, 2).contiguous()


def bn(w, name, x):
    beta = w.get(name + ".bias")
    return F.batch_norm(x, None, None, w[name + ".weight"], beta, True, 0.1, 1e-5)


def body(w, x):
    """The maps of the last block of resnet20."""
    x = F.relu(bn(w, "bn1", F.conv2d(x, w["conv1.weight"], padding=1)))
    for stage, k in enumerate(CHANNELS):
        for block in range(3):
            base = f"layer{stage + 1}.{block}"
            stride = 2 if stage > 0 and block == 0 else 1
            short = x
            if stride == 2:
                short = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, k // 4, k // 4))
            y = F.conv2d(x, w[base + ".conv1.weight"], stride=stride, padding=1)
            y = F.relu(bn(w, base + ".bn1", y))
            y = F.conv2d(y, w[base + ".conv2.weight"], padding=1)
            x = F.relu(bn(w, base + ".bn2", y) + short)
    return x


def forward(w, x):
    z = body(w, x).mean((2, 3))
    for i in range(3):
        z = bn(w, f"{i}.bn", F.linear(z, w[f"{i}.weight"]))
        z = F.relu(z) if i < 2 else z
    return z


def nt_xent(z):
    n = z.shape[0]
    u = F.normalize(z, dim=1)
    logits = u @ u.T / TEMPERATURE
    logits = logits.masked_fill(torch.eye(n, dtype=torch.bool), -math.inf)
    return F.cross_entropy(logits, (torch.arange(n) + n // 2) % n)


def rate(peak, step):
    if step < WARMUP:
        return peak * step / WARMUP
    return peak / 2 * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP)))


def ten_steps(rule, dtype):
    peak, decay = RUNS[rule]
    w = {n: initial(n, kind, shape, dtype) for n, (kind, shape) in shapes().items()}
    own = Classic(rule, 0.9, decay, False, [(shapes()[n][0], t) for n, t in w.items()])
    x, losses = pixels(dtype), []
    for step in range(STEPS):
        for t in w.values():
            t.grad = None
        loss = nt_xent(forward(w, x))
        loss.backward()
        losses.append(loss.item())
        own.step(rate(peak, step))
    return np.array(losses)


for rule in RUNS:
    exact, single = ten_steps(rule, torch.float64), ten_steps(rule, torch.float32)
    apart = np.max(np.abs(single - exact) / exact)
    print(rule, "losses", exact.round(5), "single precision is off by", f"{apart:.1e}")
    assert apart < 1e-4 and exact[-1] < exact[0] / 2
    golden["steps." + rule] = exact


# ---- ten steps of fine-tuning: resnet20, a linear layer, softmax cross entropy, SGD ----------------
CLASSES = 3
LABELS = [0, 1, 2, -1, 0, 1, 2, 2]  # -1: unknown, neither loss nor gradient


def features(w, x):
    """h [N,64] of resnet20."""
    return body(w, x).mean((2, 3))


def fine_tuning(dtype, nesterov):
    wanted = {n: s for n, s in shapes().items() if not n[0].isdigit()}
    w = {n: initial(n, kind, shape, dtype) for n, (kind, shape) in wanted.items()}
    w["fc.weight"] = initial("fc.weight", "kernel", (CLASSES, 64), dtype)
    w["fc.bias"] = initial("fc.bias", "bias", (CLASSES,), dtype)
    own = Classic(
        "sgd", 0.9, 1e-2, nesterov,
        [(wanted[n][0] if n in wanted else n.replace("fc.weight", "kernel"), t) for n, t in w.items()],
    )
    x, label, losses = pixels(dtype), torch.tensor(LABELS), []
    for step in range(STEPS):
        for t in w.values():
            t.grad = None
        logits = F.linear(features(w, x), w["fc.weight"], w["fc.bias"])
        loss = F.cross_entropy(logits, label, ignore_index=-1)
        loss.backward()
        losses.append(loss.item())
        own.step(rate(0.001, step))
    return np.array(losses), w


for nesterov in (False, True):
    case = "finetune" + (".nesterov" if nesterov else "")
    exact, weights = fine_tuning(torch.float64, nesterov)
    single, single_weights = fine_tuning(torch.float32, nesterov)
    apart = np.max(np.abs(single - exact) / exact)
    print(case, "losses", exact.round(5), f"single precision is off by {apart:.1e}")
    assert apart < 1e-4 and exact[-1] < exact[0] / 2
    golden[case] = exact
    for name in ("conv1.weight", "layer3.2.conv2.weight", "bn1.weight", "fc.weight", "fc.bias"):
        before = initial(name, "gamma" if name == "bn1.weight" else "kernel" if "weight" in name else "bias",
                         tuple(weights[name].shape), torch.float64)
        moved = ((weights[name] - before).norm() / before.norm()).item()
        off = ((single_weights[name].double() - weights[name]).norm() / (weights[name] - before).norm()).item()
        print(f"{case:18} {name:24} moved by {moved:.3f} of its norm, single off by {off:.1e} of that")
        assert off < 2e-3
        golden[f"{case}.{name}"] = sampled(weights[name])

save_file(golden, "tests/golden/train.safetensors")
