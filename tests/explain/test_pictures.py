"""Pictures of graphs, and pages as a browser shows them. Tests that need a tool which is not there do not exist;
the end of the run says which (tests/tools.py)."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import graphc
from graphc.cli import main
from graphc.explain import graphviz, mermaid, pictures, plain_svg
from graphc.explain.diagram import Box, Diagram, diagram
from graphc.language.diagnostics import Diagnostics
from graphc.language.source import Source
from graphc.pipeline import Options, joint_graph, lower_source
from tools import CHROMIUM, DOT, LATEX

EXAMPLES = Path(__file__).parents[2] / "examples" / "derivations"
NET = EXAMPLES / "a4_two_layer.g"
DEEP = "\n".join([
    "input x_0[N, d]", "param W_{0:60}[d, d], b_{0:60}[d]",
    "for k in 0:60 { x_{k+1} = tanh(x_{k} @ W_{k} + b_{k}) }", "L = sum(x_60**2)",
]) + "\n"  # fmt: skip


@pytest.mark.parametrize("ending", ["dot", "mmd", "html"])
@pytest.mark.parametrize("backward", [False, True])
def test_pictures_that_need_no_graphviz(
    ending: str, backward: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphviz.shutil, "which", lambda name: None)
    target = tmp_path / f"net.{ending}"
    assert main(["draw", str(NET), "-o", str(target), *(["--backward"] if backward else [])]) == 0
    text = target.read_text("utf-8")
    for name in ("W1", "b2", "(N, H)", "Z"):
        assert name in text
    assert ("dW1" in text) == backward and ("saved" in text.replace("saved for", "")) == backward


def test_without_graphviz_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(graphviz.shutil, "which", lambda name: None)
    assert main(["draw", str(NET), "-o", str(tmp_path / "net.svg")]) == 1
    said = capsys.readouterr().err
    assert "Graphviz" in said and "apt install graphviz" in said and "-o FILE.html" in said
    assert list(tmp_path.iterdir()) == []


def test_the_ending_says_the_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", str(NET), "-o", str(tmp_path / "net.pdf")]) == 2
    assert ".svg, .png, .dot, .mmd, .html" in capsys.readouterr().err


def of_graph(path: Path, backward: bool = False) -> Diagram:
    graph = lower_source(Source(path.read_text("utf-8"), path.name, str(path)), Diagnostics())
    return diagram(joint_graph(graph, Options(), Diagnostics()) if backward else graph)


@pytest.mark.parametrize("program", sorted(EXAMPLES.parent.glob("*.g")), ids=lambda path: path.stem)
def test_shapes_in_the_plain_picture_do_not_cover_each_other(program: Path) -> None:
    svg = plain_svg.plain_svg(of_graph(program))
    found = re.findall(r'<text x="([\d.-]+)" y="([\d.-]+)" font-size="10" fill="currentColor"[^>]*>([^<]*)<', svg)
    labels = [(float(x), float(y), 5 * len(words)) for x, y, words in found]
    assert len(labels) > 5
    covered = sum(
        abs(y - v) < 8 and x < u + other and u < x + width
        for k, (x, y, width) in enumerate(labels) for u, v, other in labels[:k]
    )  # fmt: skip
    assert covered <= len(labels) // 20  # where all places are taken a shape is written all the same


def test_a_long_name_stands_on_two_lines() -> None:
    box = Box(1, "cross_entropy_labels", "", "operation")
    assert re.findall(r">(\w+)</text>", "".join(plain_svg._svg_box(box, 0, 0))) == ["cross_", "entropy_labels"]
    assert plain_svg._in_two("abcdefghijklmnopqrst") == ["abcdefghijklmn…"]


def test_a_value_that_hangs_on_a_later_step_stands_outside_of_its_own() -> None:
    made = of_graph(EXAMPLES.parent / "lstm.g", backward=True)
    number = {key: k for k, key in enumerate(made.clusters)}
    cluster = {box.id: box.cluster for box in made.boxes}
    for arrow in made.arrows:
        start, end = cluster[arrow.start], cluster[arrow.end]
        assert not start or not end or number[start] <= number[end]


def test_what_graphviz_says_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dot = tmp_path / "dot"
    dot.write_text("#!/bin/sh\necho 'Error: out of memory' >&2\nexit 1\n")
    dot.chmod(0o755)
    monkeypatch.setattr(graphviz.shutil, "which", lambda name: str(dot))
    with pytest.raises(graphviz.NoGraphviz, match="failed: Error: out of memory") as caught:
        pictures.picture(of_graph(NET), "svg")
    assert not caught.value.missing


def test_kinds_differ_in_shape_and_not_in_colour_alone() -> None:
    for table in (graphviz.SHAPES, mermaid.BRACKETS):
        assert len({str(sign) for sign in table.values()}) == len(table)


def test_the_plain_picture_is_sound_and_nothing_covers_anything() -> None:
    svg = ET.fromstring(plain_svg.plain_svg(diagram(graphc.parse(NET.read_text("utf-8")))))
    space = "{http://www.w3.org/2000/svg}"
    boxes = {(float(r.attrib["x"]), float(r.attrib["y"])) for r in svg.iter(f"{space}rect")
             if float(r.attrib["width"]) == plain_svg.WIDTH}  # fmt: skip
    for x, y in boxes:
        others = boxes - {(x, y)}
        assert not any(abs(x - u) < plain_svg.WIDTH and abs(y - v) < plain_svg.HEIGHT for u, v in others)
    texts = {t.text for t in svg.iter(f"{space}text")}
    assert {"X", "W1", "(D, H)", "relu", "L"} <= texts


def test_loop_steps_are_clusters() -> None:
    made = diagram(graphc.parse(DEEP))
    assert len(made.boxes) > 200 and len(made.clusters) == 60
    assert "subgraph" in graphviz.dot_text(made) and "subgraph" in mermaid.mermaid_text(made)


if DOT:

    @pytest.mark.parametrize("text", [NET.read_text("utf-8"), DEEP], ids=["small", "large"])
    def test_graphviz_lays_it_out(text: str) -> None:
        made = diagram(graphc.parse(text))
        svg = ET.fromstring(pictures.picture(made, "svg"))
        titles = {t.text for t in svg.iter("{http://www.w3.org/2000/svg}title")}
        assert {f"n{box.id}" for box in made.boxes} <= titles
        assert pictures.picture(made, "png").startswith(b"\x89PNG")

    def test_a_crowded_picture_is_drawn(tmp_path: Path) -> None:
        target = tmp_path / "lstm.svg"
        assert main(["draw", str(EXAMPLES.parent / "lstm.g"), "--backward", "-o", str(target)]) == 0
        assert "t = 4 backward" in target.read_text("utf-8")


if LATEX:

    @pytest.mark.parametrize("program", [
        "a4_two_layer", "b12_bilinear", "d3_fan_out", "d4_deep", "e3_multiclass_svm", "../transformer_block",
        "../convnet", "../gaussian_process",
    ])  # fmt: skip
    def test_latex_becomes_pages(program: str, tmp_path: Path) -> None:
        source = tmp_path / "page.tex"
        assert main(["derive", str(EXAMPLES / f"{program}.g"), "--format", "latex", "-o", str(source)]) == 0
        command = [str(LATEX), "-interaction=nonstopmode", "-halt-on-error", source.name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout[-2000:]
        log = (tmp_path / "page.log").read_text("latin-1")
        wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log)]
        assert max(wide, default=0) < 20, "a line runs out of the page"


if CHROMIUM:
    # The page measures itself: what is wider than the window, other than boxes that scroll, and complaints.
    MEASURE = """<script>
    addEventListener("error", e => document.title = "error " + e.message);
    addEventListener("load", () => {
      const page = document.documentElement;
      const report = {wide: page.scrollWidth - page.clientWidth, math: document.querySelectorAll("math").length,
        flat: [...document.querySelectorAll("math")].filter(m => m.getBoundingClientRect().height < 5).length};
      document.body.insertAdjacentHTML("beforeend", "<pre id=report>" + JSON.stringify(report) + "</pre>");
    });</script>"""

    @pytest.mark.parametrize("width", [1280, 390])
    @pytest.mark.parametrize("command", [
        ["derive", "a4_two_layer.g", "--format", "html"], ["derive", "b12_bilinear.g", "--format", "html"],
        ["derive", "e2_softmax_then_log.g", "--format", "html"], ["draw", "a4_two_layer.g", "--backward"],
        ["derive", "../transformer_block.g", "--format", "html"], ["derive", "../convnet.g", "--format", "html"],
    ], ids=lambda command: "-".join(command[:2]))  # fmt: skip
    def test_a_page_fits_its_window(command: list[str], width: int, tmp_path: Path) -> None:
        page = tmp_path / "page.html"
        assert main([command[0], str(EXAMPLES / command[1]), *command[2:], "-o", str(page)]) == 0
        text = page.read_text("utf-8")
        # A narrow window of a headless browser is a frame in a wide one: it makes none below 500 pixels.
        framed = tmp_path / "framed.html"
        measured = text.replace("</body>", f"{MEASURE}</body>")
        (tmp_path / "measured.html").write_text(measured, "utf-8")
        framed.write_text(
            f'<iframe id="f" src="measured.html" style="width:{width}px;height:900px;border:0"></iframe><script>'
            'addEventListener("load", () => setTimeout(() => document.body.insertAdjacentHTML("beforeend", "<p id=out>"'
            ' + document.getElementById("f").contentDocument.getElementById("report").textContent + "</p>"), 300))'
            "</script>", "utf-8",
        )  # fmt: skip
        done = subprocess.run(
            [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
             f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=4000",
             "--dump-dom", framed.as_uri()],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        found = re.search(r'<p id="out">(.*?)</p>', done.stdout)
        assert found, done.stdout[-500:] + done.stderr[-500:]
        numbers = {key: int(value) for key, value in re.findall(r'"(\w+)":(-?\d+)', found.group(1))}
        assert numbers["wide"] <= 0, f"{numbers['wide']} pixels stick out at {width}"
        assert numbers["flat"] == 0 and (command[0] == "draw" or numbers["math"] >= 5)
        assert "error" not in re.findall(r"<title>(.*?)</title>", done.stdout)
