#!/usr/bin/python3
"""The MLP probe in PyTorch, by the protocol of lib/eval/mlp.c, on features in NPY files: for comparison.

    tests/bench/mlp_torch.py PREFIX [--seeds 0,1,2] [--epochs 60] [--raw] [--stages thirds|tenths]

Reads PREFIXtrain.npy, PREFIXtrain_labels.npy, PREFIXtest.npy, PREFIXtest_labels.npy, as probe_bench does.  Held-out samples are
those of lib/eval/split.c.  A line of JSON: the accuracies on test of the best epoch of each seed, and of the mean over the last
tenth of the epochs, which is what the paper reports.
"""
import argparse, json, time
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F


def split(n, run, part=0.1):
    """The fitted and the held-out samples."""
    held = n - (n // 10 * 9 + n % 10 * 9 // 10) if part == 0.1 else n - int(n * (1 - part + 1e-6))
    ends = [j * n // held for j in range(held + 1)]
    golden = [((j + run) * 0x9E3779B97F4A7C15 & 2**64 - 1) >> 32 for j in range(held)]
    out = np.zeros(n, bool)
    out[[ends[j] + ((ends[j + 1] - ends[j]) * golden[j] >> 32) for j in range(held)]] = True
    return torch.from_numpy(np.where(~out)[0]), torch.from_numpy(np.where(out)[0])


def right(net, x, y):
    with torch.no_grad():
        logits = torch.cat([net(x[i:i + 1024]) for i in range(0, len(x), 1024)])
    return (logits.argmax(1) == y).float().mean().item(), F.cross_entropy(logits, y.clamp(min=0)).item()


def train(x, y, test, truth, seed, epochs, stages):
    torch.manual_seed(seed)
    fit, held = split(len(x), seed)
    net = nn.Sequential(nn.Linear(x.shape[1], 200), nn.Dropout(0.1), nn.BatchNorm1d(200), nn.ReLU(), nn.Linear(200, int(y.max()) + 1))
    adam = torch.optim.Adam(net.parameters(), 1e-4, betas=(0.5, 0.999))
    batch = min(64, len(fit))
    steps = len(fit) // batch
    drops = [50 * steps, 100 * steps] if epochs >= 150 else [epochs * steps // 3, 2 * epochs * steps // 3]
    if stages == "tenths":  # of the authors' 1000 epochs
        drops = [epochs * steps // 20, epochs * steps // 10]
    rate = torch.optim.lr_scheduler.MultiStepLR(adam, drops)
    best, found, all_epochs = (-1, 0), None, []
    for epoch in range(epochs):
        net.train()
        order = fit[torch.randperm(len(fit))]
        for i in range(0, steps * batch, batch):
            rows = order[i:i + batch]
            adam.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            adam.step()
            rate.step()
        net.eval()
        share, loss = right(net, x[held], y[held])
        all_epochs.append(right(net, test, truth)[0])
        if (share, -loss) > best:
            best, found = (share, -loss), (all_epochs[-1], share, epoch + 1)
    last = all_epochs[-max(1, epochs // 10):]
    return found + (sum(last) / len(last),)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("prefix")
    p.add_argument("--seeds", default="0,1,2")
    p.add_argument("--epochs", type=int, default=60)
    p.add_argument("--raw", action="store_true", help="features as they are, not standardised")
    p.add_argument("--stages", choices=["thirds", "tenths"], default="thirds",
                   help="the rate drops at 1/3 and 2/3 of the epochs, or at 1/20 and 1/10 (thirds)")
    p.add_argument("--threads", type=int, default=1)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    x, y, test, truth = (np.load(args.prefix + k + ".npy") for k in ("train", "train_labels", "test", "test_labels"))
    x, test = x.astype(np.float64), test.astype(np.float64)
    if not args.raw:
        mean, std = x.mean(0), x.std(0)
        std[std <= np.abs(mean) * 2.0**-23] = np.inf
        x, test = (x - mean) / std, (test - mean) / std
    x, test, y, truth = torch.tensor(x).float(), torch.tensor(test).float(), torch.tensor(y).long(), torch.tensor(truth).long()
    start = time.process_time()
    found = [train(x, y, test, truth, int(s), args.epochs, args.stages) for s in args.seeds.split(",")]
    accuracy, held, epoch, last = (list(column) for column in zip(*found))
    print(json.dumps({"accuracy": sum(accuracy) / len(accuracy), "each": accuracy, "validation": held, "chosen": epoch,
                      "last": sum(last) / len(last), "cpu_s": time.process_time() - start}))


if __name__ == "__main__":
    main()
