"""Goldens of the contrastive loss: ntxent.safetensors.

Each case has projections z (single precision, stored), ids and views, and what PyTorch makes of them in
double: the gradient of the loss, and in `result` the loss, accuracy, entropy, alignment, uniformity and
std. Two views are computed twice: as the general formula, and as the reference writes it down.
"""
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1)
golden = {}


def unit(z):
    return z * torch.rsqrt(torch.clamp((z * z).sum(1, keepdim=True), min=1e-12))


def general(z, ids, temperature):
    """Mean over rows of the mean over positives of -log softmax."""
    u = unit(z)
    logits = u @ u.T / temperature
    same = ids[:, None] == ids[None, :]
    eye = torch.eye(len(z), dtype=torch.bool)
    logits = logits.masked_fill(eye, float("-inf"))
    log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
    positive = same & ~eye
    rows = torch.where(positive, log_p, torch.zeros_like(log_p)).sum(1) / positive.sum(1)
    return -rows.mean()


def reference(z, temperature):
    """google-research/simclr's add_contrastive_loss, halved; rows are view 0 of all, then view 1."""
    h1, h2 = unit(z).chunk(2)
    n = len(h1)
    mask = torch.eye(n, dtype=z.dtype) * 1e9
    aa, bb = h1 @ h1.T / temperature - mask, h2 @ h2.T / temperature - mask
    ab, ba = h1 @ h2.T / temperature, h2 @ h1.T / temperature
    label = torch.arange(n)
    a = F.cross_entropy(torch.cat([ab, aa], 1), label)
    b = F.cross_entropy(torch.cat([ba, bb], 1), label)
    accuracy = (ab.argmax(1) == label).double().mean()
    p = torch.softmax(ab, 1)
    entropy = -(p * torch.log(p + 1e-8)).sum(1).mean()
    return (a + b) / 2, accuracy, entropy


def across(z, ids, views, temperature):
    """Accuracy and entropy over ordered pairs of views; with two views the first pair only."""
    u = unit(z)
    hits, entropies = [], []
    kinds = sorted(set(views.tolist()))
    for a in kinds:
        for b in kinds:
            if a == b or (len(kinds) == 2 and a > b):
                continue
            for i in torch.nonzero(views == a).flatten().tolist():
                k = torch.nonzero(views == b).flatten()
                if not (ids[k] == ids[i]).any():
                    continue
                logits = u[k] @ u[i] / temperature
                p = torch.softmax(logits, 0)
                hits.append(float(ids[k[logits.argmax()]] == ids[i]))
                entropies.append(-(p * torch.log(p + 1e-8)).sum())
    return torch.tensor(hits, dtype=torch.float64).mean(), torch.stack(entropies).mean()


def geometry(z, ids):
    u = unit(z)
    distance = ((u[:, None] - u[None, :]) ** 2).sum(2)
    eye = torch.eye(len(z), dtype=torch.bool)
    positive = (ids[:, None] == ids[None, :]) & ~eye
    uniformity = torch.log(torch.exp(-2 * distance[~eye]).mean())
    return distance[positive].mean(), uniformity, u.std(0, unbiased=False).mean()


def gradient(z, ids, temperature):
    z = z.clone().requires_grad_(True)
    loss = general(z, ids, temperature)
    loss.backward()
    return loss.detach(), z.grad


def case(name, z, ids, views, temperature):
    z = z.float()
    loss, grad = gradient(z.double(), ids, temperature)
    single, single_grad = gradient(z, ids, temperature)
    if len(set(views.tolist())) == 2 and (views == (torch.arange(len(z)) >= len(z) // 2)).all():
        again, accuracy, entropy = reference(z.double(), temperature)
        assert abs(again - loss) < 1e-12
        assert torch.allclose(torch.stack([accuracy, entropy]),
                              torch.stack(across(z.double(), ids, views, temperature)), rtol=1e-12)
    accuracy, entropy = across(z.double(), ids, views, temperature)
    alignment, uniformity, std = geometry(z.double(), ids)
    print("%-8s loss %.9f; in single precision loss is off by %.1e, gradient by %.1e" % (
        name, loss, abs(single - loss) / loss, (single_grad - grad).norm() / grad.norm()))
    golden[name + ".z"] = z
    golden[name + ".id"] = ids
    golden[name + ".view"] = views
    golden[name + ".temperature"] = torch.tensor([temperature], dtype=torch.float64)
    golden[name + ".grad"] = grad
    golden[name + ".result"] = torch.stack([loss, accuracy, entropy, alignment, uniformity, std])


def draw(seed, pictures, counts, p, signal):
    """Rows view by view; picture i has counts[i % len(counts)] views."""
    generator = torch.Generator().manual_seed(seed)
    of_picture = torch.randn(pictures, p, generator=generator, dtype=torch.float64)
    ids, views = [], []
    for view in range(max(counts)):
        for i in range(pictures):
            if view < counts[i % len(counts)]:
                ids.append(1000 - 7 * i)
                views.append(view)
    ids, views = torch.tensor(ids), torch.tensor(views)
    z = torch.randn(len(ids), p, generator=generator, dtype=torch.float64)
    return z + signal * of_picture[(1000 - ids) // 7], ids, views


case("two", *draw(1, 16, [2], 32, 0.0), 0.5)
case("many", *draw(2, 80, [2], 16, 1.0), 0.5)
case("cold", *draw(3, 24, [2], 128, 1.0), 0.05)
case("three", *draw(4, 20, [3], 24, 0.5), 0.1)
case("uneven", *draw(5, 18, [2, 3, 5], 20, 1.0), 0.2)
z, ids, views = draw(6, 12, [2], 16, 1.0)
z *= torch.logspace(-6, 6, len(z), dtype=torch.float64)[:, None]  # any length of z will do
z[3], z[17] = 0, z[17] * 1e-9
case("lengths", z, ids, views, 0.5)

save_file(golden, "tests/golden/ntxent.safetensors")
