"""Goldens of the projection head: mlp.safetensors.

Weights, input and the gradient of the output come from noise(), which tests/unit/noise.h has too, so that
only results are stored: z, the gradients of every weight and of the input, and the running statistics
afterwards. PyTorch computes them in double; single precision is computed too, to show that the problem is
well enough behaved for a bound of 1e-5.
"""
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1)
golden = {}


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


def draw(name, shape, offset, scale):
    """Single precision values, as doubles."""
    x = (offset + scale * noise(key_of(name), int(np.prod(shape)))).astype(np.float32)
    return torch.from_numpy(x.astype(np.float64)).reshape(shape)


def head(case, widths, rows, frozen, dtype, stopped=False):
    """All results of one head with these widths of input, hidden layers and output; stopped: the head would
    go on behind the last of them, which is a hidden one."""
    tensors, running = {}, {}
    layers = len(widths) - 1
    for i in range(layers):
        d, k = widths[i], widths[i + 1]
        tensors["%d.weight" % i] = draw("%s/%d.weight" % (case, i), (k, d), 0, 0.3)
        tensors["%d.bn.weight" % i] = draw("%s/%d.bn.weight" % (case, i), (k,), 1, 0.3)
        if i < layers - 1 or stopped:
            tensors["%d.bn.bias" % i] = draw("%s/%d.bn.bias" % (case, i), (k,), 0, 0.3)
        running["%d.bn.running_mean" % i] = draw("%s/%d.bn.running_mean" % (case, i), (k,), 0, 0.3)
        running["%d.bn.running_var" % i] = draw("%s/%d.bn.running_var" % (case, i), (k,), 1, 0.5)
    h = draw(case + "/h", (rows, widths[0]), 0, 1).to(dtype).requires_grad_(True)
    dz = draw(case + "/dz", (rows, widths[-1]), 0, 1).to(dtype)
    tensors = {name: t.to(dtype).requires_grad_(True) for name, t in tensors.items()}
    running = {name: t.to(dtype) for name, t in running.items()}

    def forward(training):
        x = h
        for i in range(layers):
            x = x @ tensors["%d.weight" % i].T
            x = F.batch_norm(x, running["%d.bn.running_mean" % i], running["%d.bn.running_var" % i],
                             tensors["%d.bn.weight" % i], tensors.get("%d.bn.bias" % i), training=training)
            if i < layers - 1 or stopped:
                x = torch.relu(x)
        return x

    with torch.no_grad():
        results = {"eval": forward(False)}
    z = forward(not frozen)
    (z * dz).sum().backward()
    results.update({"z": z.detach(), "dh": h.grad})
    results.update({"grad." + name: t.grad for name, t in tensors.items()})
    results.update(running)
    return results


def case(name, widths, rows, frozen=False, stopped=False):
    double, single = (head(name, widths, rows, frozen, t, stopped) for t in (torch.float64, torch.float32))
    worst = max(float((single[k] - double[k]).norm() / double[k].norm()) for k in double)
    print("%-10s in single precision the worst tensor is off by %.1e" % (name, worst))
    assert worst < 1e-6
    golden.update({"%s/%s" % (name, k): v for k, v in double.items()})


case("three", (24, 20, 20, 12), 16)
case("two", (24, 20, 12), 16)
case("linear", (24, 12), 16)
case("frozen", (24, 20, 20, 12), 16, frozen=True)
case("stopped1", (24, 20), 16, stopped=True)
case("stopped2", (24, 20, 20), 16, stopped=True)
save_file(golden, "tests/golden/mlp.safetensors")
