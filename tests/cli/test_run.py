"""`graphc run`: real arrays in, values and gradients out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]


@pytest.fixture
def arrays(folder: Path) -> dict[str, Any]:
    """Arguments of net.g, which are also in data.npz."""
    rng = np.random.default_rng(0)
    shapes = {"X": (5, 4), "t": (5, 3), "W1": (4, 6), "b1": (6,), "W2": (6, 3), "b2": (3,)}
    made = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    np.savez(folder / "data.npz", **made)
    return made


def expected(a: dict[str, Any]) -> dict[str, Any]:
    H = np.maximum(a["X"] @ a["W1"] + a["b1"], 0)
    dS = 2 * (H @ a["W2"] + a["b2"] - a["t"])
    dZ = dS @ a["W2"].T * (H > 0)
    return {"L": (dS**2).sum() / 4, "dW1": a["X"].T @ dZ, "db1": dZ.sum(0), "dW2": H.T @ dS, "db2": dS.sum(0)}


def test_it_says_values_and_norms(graphc: Run, arrays: dict[str, Any]) -> None:
    done = graphc("run", "net.g", "--data", "data.npz")
    assert (done.status, done.err) == (0, "")
    wanted = expected(arrays)
    lines = {line.split()[0]: line for line in done.out.splitlines()}
    assert list(lines) == list(wanted)
    assert lines["L"].endswith(f"{wanted['L']:.6g}")
    assert "(4, 6)" in lines["dW1"] and lines["dW1"].endswith(f"norm {np.linalg.norm(wanted['dW1']):.6g}")


def test_it_writes_them(graphc: Run, folder: Path, arrays: dict[str, Any]) -> None:
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz").out.endswith("\nwrote out.npz\n")
    wanted = expected(arrays)
    with np.load(folder / "out.npz") as written:
        assert set(written) == set(wanted)
        for name, value in wanted.items():
            np.testing.assert_allclose(written[name], value, rtol=1e-12)
    first = (folder / "out.npz").read_bytes()
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz").out.endswith("out.npz is up to date\n")
    (folder / "out.npz").unlink()
    graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz")
    assert (folder / "out.npz").read_bytes() == first


def test_somebody_elses_arrays_are_kept(graphc: Run, folder: Path, arrays: dict[str, Any]) -> None:
    np.savez(folder / "out.npz", precious=np.ones(3))
    before = (folder / "out.npz").read_bytes()
    done = graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz")
    assert done.status == 1 and "error[E0501]" in done.err
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "data.npz", "--force").status == 1
    assert (folder / "out.npz").read_bytes() == before
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz", "--force").status == 0
    arrays["X"] *= 2
    np.savez(folder / "data.npz", **arrays)
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz").status == 0  # its own file


def test_every_missing_array_is_named(graphc: Run, folder: Path, arrays: dict[str, Any]) -> None:
    np.savez(folder / "data.npz", X=arrays["X"], T=arrays["t"], W1=arrays["W1"], b1=arrays["b1"], b2=arrays["b2"])
    done = graphc("run", "net.g", "--data", "data.npz")
    assert (done.status, done.out) == (1, "")
    assert "`data.npz` has no array `t`" in done.err and "did you mean `T`?" in done.err
    assert "`data.npz` has no array `W2`" in done.err


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("W1", np.ones((3, 6)), "argument W1: dimension 0 must be D of X, which is 4, not 3"),
        ("W1", np.ones(4), "W1"),
        ("X", np.array([["a"]]), "argument X must be an array of real numbers"),
        ("X", np.ones((5, 4), complex), "argument X must be an array of real numbers"),
    ],
)
def test_arrays_that_do_not_fit(
    graphc: Run, folder: Path, arrays: dict[str, Any], name: str, value: Any, said: str
) -> None:
    np.savez(folder / "data.npz", **{**arrays, name: value})
    done = graphc("run", "net.g", "--data", "data.npz")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error[E0505]: the program refuses these arrays: ") and said in done.err


def test_python_objects_are_not_unpickled(graphc: Run, folder: Path, arrays: dict[str, Any]) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (folder / "exploded",)

    np.savez(folder / "data.npz", **{**arrays, "X": np.array([Bomb()], dtype=object)}, allow_pickle=True)  # type: ignore[arg-type]
    done = graphc("run", "net.g", "--data", "data.npz")
    assert done.status == 1 and "it holds Python objects" in done.err
    assert not (folder / "exploded").exists()


def _one_array(folder: Path) -> None:
    with open(folder / "data.npz", "wb") as file:
        np.save(file, np.ones(3))


def _truncated(folder: Path) -> None:
    (folder / "data.npz").write_bytes((folder / "data.npz").read_bytes()[:-100])


def _damaged(folder: Path) -> None:
    data = bytearray((folder / "data.npz").read_bytes())
    data[200:230] = b"\0" * 30
    (folder / "data.npz").write_bytes(data)


def _other_member(folder: Path) -> None:
    with zipfile.ZipFile(folder / "data.npz", "w") as archive:
        for name in ("X", "t", "W1", "b1", "W2", "b2"):
            archive.writestr(name, "text")


def _encrypted_flag(folder: Path) -> None:
    data = (folder / "data.npz").read_bytes()
    (folder / "data.npz").write_bytes(data.replace(b"PK\x01\x02\x2d\x03", b"PK\x01\x02\x2d\x03\xff\xff", 1))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "data.npz").unlink(),
        lambda folder: (folder / "data.npz").write_bytes(b""),
        lambda folder: (folder / "data.npz").write_text("L = 3"),
        lambda folder: (folder / "data.npz").write_bytes(b"PK\x03\x04" + b"\0" * 50),
        lambda folder: (folder / "data.npz").write_bytes(b"\x93NUMPY\x01\x00\xff\xff{"),
        lambda folder: (folder / "data.npz").write_bytes(b"\x80\x04."),
        _one_array, _truncated, _damaged, _other_member, _encrypted_flag,
    ],
)  # fmt: skip
def test_what_is_no_npz(graphc: Run, folder: Path, arrays: dict[str, Any], spoil: Callable[[Path], None]) -> None:
    spoil(folder)
    done = graphc("run", "net.g", "--data", "data.npz")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error[E05") and "data.npz" in done.err


def test_a_folder_as_data(graphc: Run) -> None:
    assert "is a folder" in graphc("run", "net.g", "--data", ".").err


class TestWithoutALoss:
    @pytest.fixture(autouse=True)
    def program(self, folder: Path) -> None:
        text = "param A[N, D]\ninput B[N, D]\nS = A * B\nT = sum(A, axis=0)\nk = argmax(A, axis=1)\n"
        (folder / "two.g").write_text(text)
        self.arrays = {"A": np.arange(6.0).reshape(2, 3), "B": np.full((2, 3), 3.0)}

    def test_only_the_outputs(self, graphc: Run, folder: Path) -> None:
        np.savez(folder / "data.npz", **self.arrays)
        done = graphc("run", "two.g", "--data", "data.npz", "-o", "out.npz")
        assert done.status == 0
        assert "no gradients: there is no scalar loss, and data.npz has no cotangents dS, dT\n" in done.out
        with np.load(folder / "out.npz") as written:
            assert set(written) == {"S", "T", "k"}

    def test_with_cotangents_the_gradients(self, graphc: Run, folder: Path) -> None:
        np.savez(folder / "data.npz", **self.arrays, dS=np.full((2, 3), 2.0), dT=np.array([1.0, 10.0, 100.0]))
        done = graphc("run", "two.g", "--data", "data.npz", "-o", "out.npz")
        assert done.status == 0, done.err
        with np.load(folder / "out.npz") as written:
            np.testing.assert_allclose(written["dA"], 6 + np.array([[1.0, 10, 100]] * 2))

    def test_with_some_of_them_it_says_which_are_missing(self, graphc: Run, folder: Path) -> None:
        np.savez(folder / "data.npz", **self.arrays, dS=np.ones((2, 3)))
        assert "has no cotangents dT\n" in graphc("run", "two.g", "--data", "data.npz").out

    def test_a_wrong_cotangent(self, graphc: Run, folder: Path) -> None:
        np.savez(folder / "data.npz", **self.arrays, dS=np.ones((2, 3)), dT=np.ones(4))
        done = graphc("run", "two.g", "--data", "data.npz")
        assert done.status == 1 and "dT" in done.err


def test_a_gradient_and_an_output_of_one_name(graphc: Run, folder: Path) -> None:
    (folder / "d.g").write_text("param w[n]\nL = sum(w * w)\ndw = 3 * w\noutput L, dw\nloss L\n")
    np.savez(folder / "data.npz", w=np.array([1.0, 2.0]))
    assert graphc("run", "d.g", "--data", "data.npz", "-o", "out.npz").status == 0
    with np.load(folder / "out.npz") as written:
        assert {name: written[name].tolist() for name in written} == {"L": 5.0, "dw": [3.0, 6.0], "grad_w": [2.0, 4.0]}


def test_numbers_that_are_none(graphc: Run, folder: Path) -> None:
    (folder / "log.g").write_text("param A[N]\nB = log(A)\nL = sum(B)\noutput B, L\nloss L\n")
    np.savez(folder / "data.npz", A=np.array([-1.0, 1.0, 2.0]))
    done = graphc("run", "log.g", "--data", "data.npz")
    assert done.status == 0
    assert "warning[W0501]: invalid value encountered in log" in done.err
    assert "1 of 3 not finite" in done.out


def test_a_norm_that_overflows_is_inf_and_nothing_else(graphc: Run, folder: Path) -> None:
    (folder / "steep.g").write_text("param w[N]\nL = sum(1e200 * w)\n")
    np.savez(folder / "data.npz", w=np.zeros(3))
    done = graphc("run", "steep.g", "--data", "data.npz")
    assert (done.status, done.err) == (0, "")
    assert "norm inf" in done.out


def test_single_precision_stays(graphc: Run, folder: Path, arrays: dict[str, Any]) -> None:
    np.savez(folder / "data.npz", **{name: array.astype(np.float32) for name, array in arrays.items()})
    assert graphc("run", "net.g", "--data", "data.npz", "-o", "out.npz").status == 0
    with np.load(folder / "out.npz") as written:
        assert {written[name].dtype.name for name in written} == {"float32"}


def test_arrays_are_for_a_file(graphc: Run) -> None:
    done = graphc("run", "net.g", "--data", "data.npz", "-o", "-")
    assert done.status == 2 and "arrays go to a file" in done.err


def test_arrays_on_standard_input(
    graphc: Run, folder: Path, arrays: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = graphc("run", "net.g", "--data", "data.npz")
    given = (folder / "data.npz").read_bytes()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
    done = graphc("run", "net.g", "--data", "-", "-o", "out.npz")
    assert (done.status, done.err) == (0, "") and done.out.startswith(plain.out)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"no archive")))
    done = graphc("run", "net.g", "--data", "-")
    assert done.status == 1 and "`<stdin>` is not a .npz file" in done.err
    assert graphc("run", "-", "--data", "-").status == 2
