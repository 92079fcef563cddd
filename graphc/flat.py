"""A generated module as a function of one vector, as optimisers want it.

    flat = graphc.flatten(net, X=X, y=y)
    found = scipy.optimize.minimize(flat.fun, flat.pack(W=W0, b=b0), jac=True)
    parameters = flat.unpack(found.x)                # {"W": …, "b": …}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Flat", "flatten"]


def flatten(module: ModuleType, /, **given: ArrayLike) -> Flat:
    """The loss of a generated module as a function of a vector of its parameters.

    `given` are the arguments that stay as they are, data for instance; all others are in the vector. Their shapes are
    those of the first `pack`.
    """
    names = (*module.INPUTS, *module.PARAMETERS)
    order = list(_arguments(module).values())
    for name in given:
        if name not in order:
            raise TypeError(f"the program has no argument {name}; its arguments are {', '.join(names)}")
    free = tuple(name for name in order if name not in given)
    if not free:
        raise TypeError("no argument is left to be varied")
    return Flat(module, dict(given), free, _loss(module))


def _loss(module: ModuleType) -> str:
    """The scalar that `backward` differentiates: its one cotangent is 1 where nobody says otherwise."""
    import inspect

    from graphc.emitter.naming import cotangent_names

    cotangents = list(inspect.signature(module.backward).parameters.values())[1:] if hasattr(module, "backward") else []
    if len(cotangents) != 1 or cotangents[0].default != 1.0:
        raise TypeError("the program has no scalar loss with a gradient")
    for name in module.OUTPUTS:
        if cotangent_names([name], _arguments(module)) == [cotangents[0].name]:
            return str(name)
    loss = cotangents[0].name.removeprefix("d")
    raise TypeError(f"the loss {loss} is not among the outputs {', '.join(module.OUTPUTS)}")


def _arguments(module: ModuleType) -> dict[str, str]:
    """The arguments in the order of `forward`: what they are called there -> the program's names."""
    import inspect

    from graphc.emitter.naming import argument_names

    called = list(inspect.signature(module.forward).parameters)
    names = (*module.INPUTS, *module.PARAMETERS)
    known = dict(zip(argument_names(names), names, strict=True))
    return {each: known[each] for each in called if each in known}


@dataclass
class Flat:
    """`fun(theta)` is the value and the gradient; `pack` and `unpack` go between vectors and arrays by name."""

    module: ModuleType
    given: dict[str, Any]
    names: tuple[str, ...]
    loss: str
    shapes: dict[str, tuple[int, ...]] | None = None

    def pack(self, parameters: Mapping[str, ArrayLike] | None = None, /, **more: ArrayLike) -> NDArray[np.float64]:
        """One vector of these arrays; their shapes are kept for `unpack`."""
        import numpy as np

        arrays = {name: np.asarray(v, dtype=np.float64) for name, v in {**(parameters or {}), **more}.items()}
        if set(arrays) != set(self.names):
            raise TypeError(f"arrays are expected for {', '.join(self.names)}, and given for {', '.join(arrays)}")
        self.shapes = {name: arrays[name].shape for name in self.names}
        return np.concatenate([arrays[name].ravel() for name in self.names])

    def unpack(self, theta: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """The arrays in a vector, by name: copies."""
        import math

        import numpy as np

        if self.shapes is None:
            raise RuntimeError("the shapes are not known yet: `pack` starting values first")
        vector = np.array(theta, dtype=np.float64)
        sizes = [math.prod(self.shapes[name]) for name in self.names]
        if vector.shape != (sum(sizes),):
            raise ValueError(f"a vector of {sum(sizes)} numbers is expected, and its shape is {vector.shape}")
        parts = np.split(vector, np.cumsum(sizes)[:-1])
        return {name: part.reshape(self.shapes[name]) for name, part in zip(self.names, parts, strict=True)}

    def fun(self, theta: ArrayLike) -> tuple[float, NDArray[np.float64]]:
        """The value of the loss and its gradient, for `scipy.optimize.minimize(…, jac=True)` and its like."""
        import numpy as np

        arguments = {**self.given, **self.unpack(theta)}
        called = {name: each for each, name in _arguments(self.module).items()}
        value, grads = self.module.value_and_grad(**{called[name]: v for name, v in arguments.items()})
        missing = [name for name in self.names if name not in grads]
        if missing:
            raise TypeError(f"the module has no gradient of {', '.join(missing)}: give it, or compile it with --wrt")
        if isinstance(value, tuple):
            value = value[self.module.OUTPUTS.index(self.loss)]
        return float(value), np.concatenate([np.ravel(grads[name]) for name in self.names])
