"""Random programs in given memory: values and gradients are those of the reference evaluator, twice in a row."""

from __future__ import annotations

from hypothesis import given

import graphc
from graphc.api import module_from
from ops.running import Program as Reference
from ops.running import close, named, quietly
from properties.programs import Program, programs
from properties.test_programs import examples


@given(programs())
@examples(200)
def test_a_workspace_changes_nothing(program: Program) -> None:
    with quietly():
        reference = Reference(program.text, program.arguments)
        source = graphc.compile(program.text, level=2, verify=False)
        for tile in ("131072", "40"):  # bytes: all rows at once, and a row or two at a time
            module = module_from(source.replace("131072", tile), "tiled.g")
            workspace = module.Workspace(**reference.arguments)
            cotangents = tuple(reference.cotangents.values())
            # `value_and_grad` takes no cotangent of a loss: 1 is meant
            scale = float(cotangents[0]) if reference.joint.loss else 1.0
            extra = {} if reference.joint.loss else {"cotangents": cotangents}
            for _ in range(2):
                values, gradients = module.value_and_grad(**reference.arguments, **extra, workspace=workspace)
                for (name, want), have in zip(reference.outputs.items(), named(values), strict=True):
                    close(have, want, name, 1e-9, 1e-10)
                for name, want in reference.gradients.items():
                    close(gradients[name] * scale, want, f"gradient of {name}", 1e-8, 1e-9)
                values, cache = module.forward(**reference.arguments, workspace=workspace)
                for (name, want), have in zip(reference.outputs.items(), named(values), strict=True):
                    close(have, want, name, 1e-9, 1e-10)
                gradients = module.backward(cache, *cotangents, workspace=workspace)
                for name, want in reference.gradients.items():
                    close(gradients[name], want, f"gradient of {name}", 1e-8, 1e-9)
