"""The workloads in PyTorch, eager, on the CPU, with the functions that PyTorch has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.workloads import layers, wrt

__all__ = ["make"]


def make(workload: str, inputs: Mapping[str, Any]) -> Callable[[], tuple[Any, list[Any]]]:
    """A function that computes value and gradients of a workload. Raises ImportError where PyTorch is not there."""
    import torch

    torch.set_num_threads(1)
    names = wrt(workload)
    p = {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}
    for name in names:
        p[name].requires_grad_(True)
    leaves = [p[name] for name in names]

    def run() -> tuple[Any, list[Any]]:
        value = _loss(torch, workload, p)
        return value.detach(), list(torch.autograd.grad(value, leaves))

    return run


def _loss(torch: Any, workload: str, p: Mapping[str, Any]) -> Any:
    F = torch.nn.functional
    if workload.startswith("W1"):
        H, count = p["X"], layers(workload)
        for k in range(1, count + 1):
            H = torch.addmm(p[f"b{k}"], H, p[f"W{k}"])
            H = torch.relu(H) if k < count else H
        return F.cross_entropy(H, p["y"])
    if workload == "W2":
        X = p["X"]
        Y = X + F.layer_norm(F.gelu(X, approximate="tanh"), X.shape[1:], p["g"], p["b"], 1e-5)
        return 0.5 * (Y * Y).sum()
    if workload == "W4":
        X = p["X"]
        O = F.scaled_dot_product_attention(X @ p["Wq"], X @ p["Wk"], X @ p["Wv"])
        Y = O @ p["Wo"]
        return 0.5 * (Y * Y).sum() / (X.shape[0] * X.shape[1])
    if workload == "W5":
        X, H = p["X"], p["Wh"].shape[0]
        h = c = X.new_zeros((X.shape[1], H))
        total = 0.0
        for t in range(X.shape[0]):
            z = torch.addmm(p["b"], X[t], p["Wx"]) + h @ p["Wh"]
            s = torch.sigmoid(z[:, : 3 * H])
            c = s[:, H : 2 * H] * c + s[:, :H] * torch.tanh(z[:, 3 * H :])
            h = s[:, 2 * H :] * torch.tanh(c)
            total = total + (h * h).sum()
        return 0.5 * total / X.shape[1]
    C = torch.relu(F.conv2d(p["X"], p["Wc"], p["bc"], padding=1))
    S = torch.addmm(p["bf"], F.max_pool2d(C, 2).flatten(1), p["Wf"])
    return F.cross_entropy(S, p["y"])
