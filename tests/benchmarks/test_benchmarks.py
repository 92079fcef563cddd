"""The workloads mean the same in every implementation, and what is made of the numbers is well formed. No timing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.chart import chart
from benchmarks.implementations import BASE, IMPLEMENTATIONS, TOLERANCES, digest, disagreement, make
from benchmarks.report import BEGIN, END, section, table, update_readme, write
from benchmarks.workloads import WORKLOADS, inputs, wrt

README = Path(__file__).parents[2] / "README.md"
OURS = [name for name in IMPLEMENTATIONS if name not in ("naive", "autograd", "jax", "torch")]


def reference(workload: str, dtype: str) -> tuple[Any, list[Any]]:
    """By the textbook, in float64 whatever the arguments' type is."""
    given = inputs(workload, dtype, small=True)
    return make("naive", workload, {k: v.astype("float64") if v.dtype.kind == "f" else v for k, v in given.items()})()


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_textbook_is_right(workload: str) -> None:
    """Its gradients against a difference of its values along a direction."""
    given = dict(inputs(workload, "float64", small=True))
    _, gradients = make("naive", workload, given)()
    rng = np.random.default_rng(0)
    direction = {name: rng.standard_normal(given[name].shape) for name in wrt(workload)}
    step = 1e-6
    moved = [make("naive", workload, {**given, **{k: given[k] + s * v for k, v in direction.items()}})()[0]
             for s in (step, -step)]  # fmt: skip
    slope = (moved[0] - moved[1]) / (2 * step)
    along = sum(float((g * direction[name]).sum()) for name, g in zip(wrt(workload), gradients, strict=True))
    assert along == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", OURS)
def test_implementations_agree(name: str, workload: str, dtype: str) -> None:
    run = make(name, workload, inputs(workload, dtype, small=True))
    run()
    result = run()  # memory that is used again must not change them
    value, gradients = result
    assert {np.asarray(value).dtype, *(g.dtype for g in gradients)} == {np.dtype(dtype)}
    for mine, other in zip(gradients, reference(workload, dtype)[1], strict=True):
        assert mine.shape == other.shape
        assert np.linalg.norm(mine - other) <= TOLERANCES[dtype] * np.linalg.norm(other)
    assert disagreement(digest(result), digest(reference(workload, dtype))) <= TOLERANCES[dtype]


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("name", ["autograd", "jax", "torch"])
def test_libraries_agree_where_they_are(name: str, workload: str) -> None:
    pytest.importorskip(name)
    result = make(name, workload, inputs(workload, "float64", small=True))()
    assert disagreement(digest(result), digest(reference(workload, "float64"))) <= TOLERANCES["float64"]


def test_a_wrong_gradient_is_noticed() -> None:
    value, gradients = reference("W2", "float64")
    wanted = digest((value, gradients))
    assert disagreement(wanted, wanted) == 0
    flipped = [gradients[0], gradients[1][::-1], gradients[2]]  # as long, but not the same
    assert disagreement(digest((value, flipped)), wanted) > TOLERANCES["float32"]
    assert disagreement(digest((float("nan"), gradients)), wanted) == float("inf")


def numbers(missing: bool = False) -> dict[str, Any]:
    """Some numbers of all implementations."""
    names = [name for name in IMPLEMENTATIONS if not (missing and name == "torch")]
    rows = [
        {"workload": w, "dtype": d, "implementation": name, "ratio": 1.0 + 3 * k, "milliseconds": 2.0, "error": 0.0,
         "wrong": False}
        for w in WORKLOADS for d in ("float32", "float64") for k, name in enumerate(names)
    ]  # fmt: skip
    machine = {"cpu": "A & B <1>", "system": "", "python": "3.11", "numpy": "2.4", "blas": "openblas", "kernels": "",
               "libraries": {}}  # fmt: skip
    return {"machine": machine, "missing": {"torch": "no module"} if missing else {}, "rounds": 9, "rows": rows}


def test_the_chart_is_well_formed_and_has_every_number() -> None:
    data = numbers()
    root = ElementTree.fromstring(chart(data))
    marks = [each for each in root.iter() if each.tag.endswith("path") and len(each)]
    assert len(marks) == len([row for row in data["rows"] if row["implementation"] != BASE])
    assert "prefers-color-scheme: dark" in chart(data)
    width = float(root.attrib["width"])
    places = [re.findall(r"translate\(([\d.]+),([\d.]+)\)", each.attrib["transform"])[0] for each in marks]
    assert all(0 < float(x) < width and 0 < float(y) < float(root.attrib["height"]) for x, y in places)


def test_the_table_has_every_workload_and_names_what_is_missing(tmp_path: Path) -> None:
    data = numbers(missing=True)
    lines = table(data).splitlines()
    assert len(lines) == 2 + len(WORKLOADS) and len({line.count("|") for line in lines}) == 1
    assert "torch" not in lines[0] and "Left out, as not installed: torch." in section(data, "chart.svg")
    data["rows"][1]["wrong"] = True
    assert "wrong" in table(data)
    write(data, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8")) == data


def test_the_section_of_the_readme_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    update_readme(numbers(), readme)
    update_readme(numbers(), readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith(f"{END}\nafter\n") and "old" not in text
    assert text.count("Measured on") == 1
    readme.write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="no section"):
        update_readme(numbers(), readme)


def test_the_readme_shows_the_numbers_that_are_kept() -> None:
    """The table in the README, the chart and the numbers are of one run."""
    results = Path(__file__).parent / "results"
    data = json.loads((results / "results.json").read_text(encoding="utf-8"))
    assert not any(row["wrong"] for row in data["rows"])
    assert section(data, "tests/benchmarks/results/chart.svg") in README.read_text(encoding="utf-8")
    assert (results / "chart.svg").read_text(encoding="utf-8") == chart(data)
