"""The protocol of libdim's CRITIC in PyTorch, a peer of tests/bench/compare_information.

Normal scores and log radii of each side, a base of debiased canonical pairs, and networks of 64 units on top; three folds of a wide
critic and a narrow one, which sees canonical pairs alone; three critics of half the training rows; all pairs of test rows scored,
with influence values.  Each training takes `steps` steps, so that both programs do the same work.
"""
import numpy as np
import torch
from scipy.special import ndtri
from torch.nn.functional import cross_entropy

BATCH, FOLDS, MOST_PAIRS, BLOCK = 256, 3, 16, 512


def scores(a):
    return ndtri((np.argsort(np.argsort(a, 0), 0) + 0.5) / len(a))


def single(a):
    return torch.from_numpy(a.astype(np.float32))


def radii(a, z):
    whitened = np.linalg.solve(np.cov(z.T) + 1e-6 * np.eye(z.shape[1]), z.T).T
    middle = np.median(a, 0)
    spread = 1.4826 * np.median(abs(a - middle), 0)
    return np.stack([scores((z * whitened).sum(1)), scores((((a - middle) / spread) ** 2).sum(1))], 1)


class Base:
    """Canonical pairs of the rows, their correlations debiased for dimension (Bao, Hu, Pan & Zhou 2019)."""

    def __init__(self, zx, zy, rows):
        a, b, n = zx[rows], zy[rows], len(rows)
        self.mean = a.mean(0), b.mean(0)
        a, b = a - self.mean[0], b - self.mean[1]
        la = np.linalg.cholesky(a.T @ a / n + 1e-6 * np.eye(a.shape[1]))
        lb = np.linalg.cholesky(b.T @ b / n + 1e-6 * np.eye(b.shape[1]))
        u, s, v = np.linalg.svd(np.linalg.solve(lb, np.linalg.solve(la, a.T @ b / n).T).T, full_matrices=False)
        p, q = a.shape[1] / n, b.shape[1] / n
        c, t, r2 = (1 - p) * (1 - q), p * (1 - q) + q * (1 - p), np.minimum(s ** 2, 1)
        kept = r2 > 1.05 * (np.sqrt(p * (1 - q)) + np.sqrt(q * (1 - p))) ** 2 + 2 / n
        root = np.sqrt(np.maximum((r2 - t) ** 2 - 4 * p * q * c, 0))
        self.rho = np.sqrt(np.clip((r2 - t + root) / (2 * c), 0, 1 - 1e-9))[kept]
        self.direction = np.linalg.solve(la.T, u)[:, kept], np.linalg.solve(lb.T, v.T)[:, kept]

    def pairs(self, zx, zy):
        return (zx - self.mean[0]) @ self.direction[0], (zy - self.mean[1]) @ self.direction[1]

    def features(self, zx, zy):
        u, v = self.pairs(zx, zy)
        rest, one = 1 - self.rho ** 2, np.ones(len(u))
        qx = -(self.rho ** 2 * u ** 2 / (2 * rest)).sum(1) - 0.5 * np.log(rest).sum()
        qy = -(self.rho ** 2 * v ** 2 / (2 * rest)).sum(1)
        return single(np.column_stack([u * self.rho / rest, qx, one])), single(np.column_stack([v, one, qy]))


class View:
    """What one critic sees: inputs of both sides, and the base's features."""

    def __init__(self, zx, zy, radius, rows):
        self.base = Base(zx, zy, rows)
        self.x, self.y = single(np.hstack([zx, radius[0]])), single(np.hstack([zy, radius[1]]))
        self.bx, self.by = self.base.features(zx, zy)


def network(d):
    net = torch.nn.Sequential(torch.nn.Linear(d, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 33))
    with torch.no_grad():
        net[4].weight *= 0.1
        net[4].bias.zero_()
    return net


def features(f, g, view, rows):
    p, q = f(view.x[rows]), g(view.y[rows])
    one = torch.ones(len(rows), 1)
    return torch.cat([view.bx[rows], p, one], 1), torch.cat([view.by[rows], q[:, :32], one, q[:, 32:]], 1)


def blocks(a, b):
    """Scores of some rows with all others, without their own partners."""
    for i in range(0, len(a), BLOCK):
        t = a[i:i + BLOCK] @ b.T
        k = torch.arange(len(t))
        t[k, i + k] = -1e30
        yield slice(i, i + len(t)), t


def held_out(a, b, influence):
    """Scores of rows, or their influence values, and the mean of the inclusive score."""
    n, own = len(a), (a * b).sum(1)
    row, most, total = torch.empty(n), torch.full((n,), -1e30), torch.zeros(n)
    for at, t in blocks(a, b):
        row[at] = torch.logsumexp(t, 1)
        larger = torch.maximum(most, t.max(0).values)
        total = total * torch.exp(most - larger) + torch.exp(t - larger).sum(0)
        most = larger
    column = most + torch.log(total)
    p = own - row / 2 - column / 2 + np.log(n - 1)
    inclusive = own - torch.logaddexp(row, own) / 2 - torch.logaddexp(column, own) / 2 + np.log(n)
    if influence:
        by_y, by_x = torch.zeros(n), torch.zeros(n)
        for at, t in blocks(a, b):
            by_y += torch.exp(t - row[at, None]).sum(0)
            by_x[at] = torch.exp(t - column).sum(1)
        p = p - (by_y - 1) / 2 - (by_x - 1) / 2
    return p, inclusive.mean().item()


def train(view, rows, validation, steps, random):
    f, g = network(view.x.shape[1]), network(view.y.shape[1])
    weights = list(f.parameters()) + list(g.parameters())
    average = [w.detach().clone() for w in weights]
    best, kept = held_out(view.bx[validation], view.by[validation], False)[1], [w.clone() for w in average]
    every, at, target = int(np.clip(4 * len(rows) / 256, 10, 100)), len(rows), torch.arange(BATCH)
    optimizer = torch.optim.AdamW(weights, 1e-3, weight_decay=1e-4)
    for step in range(steps):
        if at + BATCH > len(rows):
            order, at = rows[random.permutation(len(rows))], 0
        a, b = features(f, g, view, order[at:at + BATCH])
        at += BATCH
        t = a @ b.T
        loss = (cross_entropy(t, target) + cross_entropy(t.T, target)) / 2
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 5.0)
        optimizer.step()
        share = min(0.99, (1 + step) / (10 + step))
        torch._foreach_mul_(average, share)
        torch._foreach_add_(average, [w.detach() for w in weights], alpha=1 - share)
        if (step + 1) % every == 0:
            with torch.no_grad():
                now = [w.detach().clone() for w in weights]
                for w, v in zip(weights, average):
                    w.copy_(v)
                score = held_out(*features(f, g, view, validation), False)[1]
                if score > best + 1e-4:
                    best, kept = score, [w.clone() for w in average]
                for w, v in zip(weights, now):
                    w.copy_(v)
    with torch.no_grad():
        for w, v in zip(weights, kept):
            w.copy_(v)
    return f, g, best


def score_rows(view, trained, test):
    with torch.no_grad():
        held_out(view.bx[test], view.by[test], True)
        return held_out(*features(trained[0], trained[1], view, test), True)[0]


def critic_value(x, y, steps=300):
    """The mean of the scores of all rows by critics that were trained on others."""
    random, n = np.random.default_rng(1), len(x)
    torch.manual_seed(1)
    zx, zy = scores(x), scores(y)
    radius = radii(x, zx), radii(y, zy)
    fold, validates = random.permutation(n) % FOLDS, random.random(n) < 0.125

    def narrow(wide, rows):
        u, v = wide.base.pairs(zx, zy)
        return View(scores(u[:, :MOST_PAIRS]), scores(v[:, :MOST_PAIRS]), radius, rows)

    critics = []
    for k in range(FOLDS):
        rows, validation = np.where((fold != k) & ~validates)[0], np.where((fold != k) & validates)[0]
        wide = View(zx, zy, radius, rows)
        thin = narrow(wide, rows)
        critics.append([(view, train(view, rows, validation, steps, random)) for view in (wide, thin)])
    thin = sum(c[1][1][2] for c in critics) > sum(c[0][1][2] for c in critics)
    value = np.mean(np.concatenate([score_rows(*critics[k][thin], np.where(fold == k)[0]) for k in range(FOLDS)]))
    for k in range(FOLDS):  # half of the rows, on the same test rows
        rows = np.where((fold != k) & ~validates & (random.random(n) < 0.5))[0]
        view = View(zx, zy, radius, rows)
        view = narrow(view, rows) if thin else view
        trained = train(view, rows, np.where((fold != k) & validates)[0], steps, random)
        score_rows(view, trained, np.where(fold == k)[0])
    return float(value)
