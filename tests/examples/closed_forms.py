"""All closed forms of the source derivations, by program."""

from __future__ import annotations

from examples import closed_forms_a_e, closed_forms_b, closed_forms_c_d
from examples.derivation_cases import CASES, SIZES, Arrays, Case, arguments_of, outputs_of

__all__ = ["CASES", "PARTS", "SIZES", "Arrays", "Case", "arguments_of", "outputs_of"]

PARTS = (closed_forms_a_e, closed_forms_b, closed_forms_c_d)  # which register them
