"""Goldens of the losses of one anchor at a time: contrast.safetensors.

Each set has projections z (single precision), ids, labels (-1 unknown) and views. For each loss, by labels
and by ids, there is what PyTorch makes of it in double: the gradient (stored in single precision), and in
`result` the loss, accuracy, entropy, alignment, uniformity and std. Losses are written down as the papers
do: pairs and triplets one after another. SupCon is also held against the formula with masks of its
authors' code.
"""
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_num_threads(1)
golden = {}
TEMPERATURE, MARGIN = 0.2, 0.4


def unit(z):
    return z * torch.rsqrt(torch.clamp((z * z).sum(1, keepdim=True), min=1e-12))


def mined(s, p, negatives, margin):
    """The nearest negative that is farther than positive p, but within the margin; or None."""
    inside = [n for n in negatives if s[p] - margin < s[n] < s[p]]
    return max(inside, key=lambda n: s[n].item()) if inside else None


def mean(terms):
    return torch.stack(terms).mean() if terms else torch.zeros((), dtype=torch.float64)


def anchor(name, *args):
    return formula(name, *args) + 0 * args[0].sum()  # a gradient, be it of nothing


def formula(name, s, i, positives, negatives):
    """The loss of anchor i, whose similarities are s."""
    x = s / TEMPERATURE
    others = [k for k in range(len(s)) if k != i]
    if name == "outside":
        return torch.logsumexp(x[others], 0) - x[positives].mean()
    if name == "inside":
        return -torch.log(torch.exp(x[positives]).mean() / torch.exp(x[others]).sum())
    if name == "decoupled":
        return torch.logsumexp(x[negatives], 0) - x[positives].mean() if negatives else mean([])
    if name == "logistic":
        return mean([-F.logsigmoid(x[p]) for p in positives]) + mean(
            [-F.logsigmoid(-x[n]) for n in negatives])
    if name == "triplet":
        return mean([torch.clamp(s[n] - s[p] + MARGIN, min=0) for p in positives for n in negatives])
    terms = []
    for p in positives:
        n = mined(s, p, negatives, MARGIN)
        if name == "logistic-mined":
            terms.append(-F.logsigmoid(x[p]) - (F.logsigmoid(-x[n]) if n is not None else 0))
        else:
            terms.append(torch.clamp(s[n] - s[p] + MARGIN, min=0) if n is not None else 0 * s[p])
    return mean(terms)


def step(name, z, groups):
    s = unit(z) @ unit(z).T
    losses = []
    for i in range(len(z)):
        positives = [k for k in range(len(z)) if k != i and groups[k] == groups[i]]
        negatives = [k for k in range(len(z)) if groups[k] != groups[i]]
        if positives:
            losses.append(anchor(name, s[i], i, positives, negatives))
    return torch.stack(losses).mean()


def masks(z, groups):
    """L_out of SupContrast's losses.py with T / base T = 1, over anchors that have a positive."""
    same = torch.tensor([[a == b for b in groups] for a in groups])
    logits_mask = ~torch.eye(len(z), dtype=torch.bool)
    mask = (same & logits_mask).double()
    logits = unit(z) @ unit(z).T / TEMPERATURE
    logits = logits - logits.max(1, keepdim=True).values.detach()
    log_prob = logits - torch.log((torch.exp(logits) * logits_mask).sum(1, keepdim=True))
    counts = mask.sum(1)
    return -((mask * log_prob).sum(1)[counts > 0] / counts[counts > 0]).mean()


def look(z, groups, views, softmax):
    """Accuracy and entropy over ordered pairs of views; with two views anchors of the first only."""
    u = unit(z)
    hits, entropies = [], []
    kinds = sorted(set(views.tolist()))
    for i in range(len(z)):
        for v in kinds:
            k = [j for j in range(len(z)) if views[j] == v and j != i]
            if (len(kinds) > 1 and v == views[i]) or (len(kinds) == 2 and v == kinds[0]):
                continue
            if not k or not any(groups[j] == groups[i] for j in range(len(z)) if views[j] == v):
                continue
            logits = u[k] @ u[i] / TEMPERATURE
            p = torch.softmax(logits, 0)
            hits.append(float(groups[k[int(logits.argmax())]] == groups[i]))
            entropies.append(-(p * torch.log(p + 1e-8)).sum())
    entropy = torch.stack(entropies).mean() if softmax else torch.tensor(float("nan")).double()
    return torch.tensor(hits, dtype=torch.float64).mean(), entropy


def geometry(z, groups):
    u = unit(z)
    distance = ((u[:, None] - u[None, :]) ** 2).sum(2)
    eye = torch.eye(len(z), dtype=torch.bool)
    positive = torch.tensor([[a == b for b in groups] for a in groups]) & ~eye
    uniformity = torch.log(torch.exp(-2 * distance[~eye]).mean())
    return distance[positive].mean(), uniformity, u.std(0, unbiased=False).mean()


def case(name, z, ids, labels, views, by_ids=True):
    z = z.float()
    golden.update({name + ".z": z, name + ".id": ids, name + ".label": labels, name + ".view": views})
    by = {"label": [("l", l) if l >= 0 else ("i", i) for i, l in zip(ids.tolist(), labels.tolist())]}
    if by_ids:
        by["id"] = ids.tolist()
    for kind, groups in by.items():
        for loss in ("outside", "inside", "decoupled", "logistic", "logistic-mined", "triplet",
                     "triplet-mined"):
            free = z.double().requires_grad_(True)
            value = step(loss, free, groups)
            value.backward()
            if loss == "outside":
                assert abs(masks(z.double(), groups) - value) < 1e-12
            accuracy, entropy = look(z.double(), groups, views, "triplet" not in loss)
            key = "%s.%s.%s" % (name, kind, loss)
            rounding = free.grad.abs() < 1e-15  # of what is nothing
            golden[key + ".grad"] = free.grad.masked_fill(rounding, 0).float()
            golden[key + ".result"] = torch.stack(
                [value.detach(), accuracy, entropy, *geometry(z.double(), groups)])
            print("%-28s loss %.9f" % (key, value.detach()))


def draw(seed, pictures, counts, p, labels, noise):
    """Rows view by view; picture i has counts[i % len(counts)] views, and the label of its class or none."""
    generator = torch.Generator().manual_seed(seed)
    of_class = torch.randn(len(labels) + 1, p, generator=generator, dtype=torch.float64)
    of_picture = torch.randn(pictures, p, generator=generator, dtype=torch.float64)
    rows = [(i, v) for v in range(max(counts)) for i in range(pictures) if v < counts[i % len(counts)]]
    label = [labels[i % len(labels)] for i, v in rows]
    z = torch.randn(len(rows), p, generator=generator, dtype=torch.float64) * noise
    z = z + of_picture[[i for i, v in rows]] + of_class[[labels.index(l) for l in label]]
    return (z, torch.tensor([1000 - 7 * i for i, v in rows]), torch.tensor(label),
            torch.tensor([v for i, v in rows]))


case("classes", *draw(1, 16, [2], 10, [0, 1, 2, 0], 0.7))
case("unknown", *draw(2, 13, [2, 3], 8, [3, -1, 0, 3, 0, -1, 9], 0.7))  # 9: one picture
case("single", *draw(3, 20, [1], 8, [0, 1, 2, -1, 0, 7, 1, 2, 0, 1], 1.0), by_ids=False)
z, ids, labels, views = draw(4, 7, [2], 6, [5, 6], 1.0)
z *= torch.logspace(-6, 6, len(z), dtype=torch.float64)[:, None]  # any length of z will do
z[3], z[9] = 0, z[9] * 1e-9
case("lengths", z, ids, labels, views)
case("one", *draw(5, 6, [2], 6, [4], 1.0), by_ids=False)  # no negatives

save_file(golden, "tests/golden/contrast.safetensors")
