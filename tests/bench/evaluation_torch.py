#!/usr/bin/env python3
"""The protocols of dim_evaluation_ndm(), _mine() and _reconstruct() in PyTorch, a peer of evaluation_bench.

    evaluation_torch.py make FOLDER                 images, x.npy, of ten hidden numbers, and codes, z.npy: these numbers with noise
    evaluation_torch.py ndm FOLDER [options]        --sigmoid: of the sigmoid of the codes
    evaluation_torch.py mine FOLDER [options]
    evaluation_torch.py reconstruct FOLDER [options]

A line of JSON for each of the seeds 0, 1, 2, with the value on the held-out fifth; of a decoder, the squared error there.
"""
import argparse
import json
import os

import numpy as np
import torch
from torch import nn


def make(folder):
    rng = np.random.default_rng(1)
    n, side, hidden = 4000, 28, 10
    h = rng.standard_normal((n, hidden))
    waves = rng.uniform(0.5, 3, (hidden, 2, 1, 1)) * rng.choice([-1, 1], (hidden, 2, 1, 1))
    grid = np.stack(np.meshgrid(*[np.linspace(0, np.pi, side)] * 2))
    basis = np.cos((waves * grid).sum(1) + rng.uniform(0, 6, (hidden, 1, 1)))
    x = np.tanh(np.einsum("nk,khw->nhw", h, basis) / 2) + 0.1 * rng.standard_normal((n, side, side))
    z = h + 0.5 * rng.standard_normal((n, hidden))
    z = z @ (np.eye(hidden) + 0.25 * rng.standard_normal((hidden, hidden)))  # so that units depend on each other
    os.makedirs(folder, exist_ok=True)
    np.save(f"{folder}/x.npy", np.uint8(np.clip(x * 127.5 + 127.5, 0, 255))[:, None])
    np.save(f"{folder}/z.npy", np.float32(z))


def dv(joint, product):
    return joint.mean() - (torch.logsumexp(product, 0) - np.log(len(product)))


def ndm_model(x, z):
    net = nn.Sequential(nn.Linear(z.shape[1], 1000), nn.ReLU(), nn.Linear(1000, 200), nn.ReLU(), nn.Linear(200, 1))

    def scores(x, z):
        w = torch.stack([c[torch.randperm(len(c))] for c in z.T], 1)
        return net(z)[:, 0], net(w)[:, 0]
    return net, scores, lambda p, q: p.mean() - (q - 1).exp().mean()


class Mine(nn.Module):
    def __init__(self, x, z):
        super().__init__()
        side = x.shape[2] // 8
        self.f = nn.Sequential(nn.Conv2d(x.shape[1], 64, 4, 2, 1), nn.ReLU(), nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(),
                               nn.Conv2d(128, 256, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(256 * side * side, 256), nn.ReLU())
        self.t = nn.Sequential(nn.Linear(256 + z.shape[1], 512), nn.ReLU(), nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, 1))

    def scores(self, x, z):
        f = self.f(x)
        order = torch.randperm(len(z))
        w = torch.empty_like(z)
        w[order] = z[torch.roll(order, 1)]  # one cycle: nobody keeps his own
        return self.t(torch.cat([f, z], 1))[:, 0], self.t(torch.cat([f, w], 1))[:, 0]


def decoder(x, z):
    return nn.Sequential(nn.Linear(z.shape[1], 256 * 49, bias=False), nn.BatchNorm1d(256 * 49), nn.ReLU(), nn.Unflatten(1, (256, 7, 7)),
                         nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
                         nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
                         nn.Conv2d(64, x.shape[1], 3, 1, 1, bias=False), nn.Tanh())


def run(what, x, z, a, seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(z))
    held, train = rows[:len(z) // 5], rows[len(z) // 5:]
    if what == "ndm":
        net, scores, bound = ndm_model(x, z)
    elif what == "mine":
        net = Mine(x, z)
        scores, bound = net.scores, dv
    else:
        net = decoder(x, z)
    opt = torch.optim.Adam(net.parameters(), a.lr, (0.5, 0.999))
    parts = {"ndm": (2, 4, 3), "reconstruct": (3, 3, 2)}
    if what == "mine":
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, a.steps)
    else:
        p, q, r = parts[what]
        schedule = torch.optim.lr_scheduler.MultiStepLR(opt, [a.steps // p, a.steps * r // q])
    order = []
    for _ in range(a.steps):
        if len(order) < a.batch:
            order = list(rng.permutation(train))
        batch, order = order[:a.batch], order[a.batch:]
        loss = nn.functional.mse_loss(net(z[batch]), x[batch]) if what == "reconstruct" else -bound(*scores(x[batch], z[batch]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        schedule.step()
    net.eval()
    with torch.no_grad():
        value = nn.functional.mse_loss(net(z[held]), x[held]) if what == "reconstruct" else dv(*scores(x[held], z[held]))
    print(json.dumps({"what": what, "seed": seed, "value": round(value.item(), 5)}), flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=["make", "ndm", "mine", "reconstruct"])
parser.add_argument("folder")
parser.add_argument("--steps", type=int, default=300)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--lr", type=float, default=1e-4)
parser.add_argument("--sigmoid", action="store_true")
parser.add_argument("--seeds", type=int, default=3)
args = parser.parse_args()
torch.set_num_threads(1)
if args.what == "make":
    make(args.folder)
else:
    inputs = torch.from_numpy(np.load(f"{args.folder}/x.npy")).float() / 127.5 - 1
    codes = torch.from_numpy(np.load(f"{args.folder}/z.npy"))
    codes = codes.sigmoid() if args.sigmoid else codes
    for k in range(args.seeds):
        run(args.what, inputs, codes, args, k)
