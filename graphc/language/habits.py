"""What people write out of habit from Python, NumPy, MATLAB or C, and what is written here instead.

Each function answers with a help for a place where the parser could not go on, or None.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from graphc.language.complaints import Situation

__all__ = [
    "FOREIGN", "about_attribute", "about_beginning", "about_keyword", "about_place", "about_target", "instead_of",
    "is_operation",
]  # fmt: skip

_MODULES: Final = frozenset(
    ["np", "numpy", "jnp", "jax", "torch", "tf", "nn", "F", "math", "K", "cp", "scipy", "sp", "keras", "tensorflow"]
)
_SUBMODULES: Final = frozenset(["linalg", "nn", "functional", "special", "numpy", "random"])
_TYPES: Final = frozenset(["float", "float32", "float64", "int", "bool"])
_TYPE_WORDS: Final = frozenset(
    ["float", "double", "int", "bool", "tensor", "matrix", "vector", "array", "scalar", "variable"]
)
_KEYWORDS: Final = frozenset(
    ["axis", "axes", "keepdims", "reduction", "ddof", "eps", "ord", "mask", "stride", "padding", "dilation", "groups"]
)

_CHOICE: Final = "there are no branches; `where(c, a, b)` chooses between values"
_LOOP: Final = "a loop is written `for k in 0:3 { … }`"
_FUNCTION: Final = "a function is written `def f(x) = …`"
_NAMED: Final = "an assignment needs no word: `y = …`"
_COMMENT: Final = "a comment begins with `#`"
_TRANSPOSE: Final = "the transpose is written `.T`"
_AVERAGE: Final = 'which sums; with `reduction="mean"` it averages'

FOREIGN: Final = {
    **dict.fromkeys(("if", "elif", "else", "switch", "case", "match"), _CHOICE),
    **dict.fromkeys(("while", "do", "repeat", "until", "break", "continue"),
                    "a loop has a range known at compile time: `for k in 0:3 { … }`"),
    **dict.fromkeys(("let", "var", "val", "auto", "set"), _NAMED),
    **dict.fromkeys(("function", "func", "fun", "fn", "lambda"), _FUNCTION),
    **dict.fromkeys(("begin", "end", "endfor", "pass"), "a body stands in braces: `{ … }`"),
    **dict.fromkeys(("print", "assert", "del", "with", "try", "raise"),
                    "a program has no actions; `output x` names a result"),
    "from": '`import "file.g"` makes another file\'s functions available',
    "class": _FUNCTION,
}  # fmt: skip
"""Words that begin a statement elsewhere."""

_OTHER_NAMES: Final = {
    "len": "`shape(x)[0]`", "size": "`shape(x)[0]`", "pow": "`x ** p`", "mul": "`a * b`", "mult": "`a * b`",
    "sub": "`a - b`", "div": "`a / b`", "mod": "`a % b`", "mm": "`A @ B`", "bmm": "`A @ B`",
    "ln": "`log(x)`", "average": "`mean(x)`", "avg": "`mean(x)`", "sgn": "`sign(x)`", "sqr": "`square(x)`",
    "asin": "`arcsin(x)`", "acos": "`arccos(x)`", "atan": "`arctan(x)`", "atan2": "`arctan2(y, x)`",
    "inverse": "`inv(A)`", "determinant": "`det(A)`", "identity": "`eye(n)`", "onehot": "`one_hot(i, n)`",
    "Σ": "`sum(x)`", "Π": "`prod(x)`", "σ": "`sigmoid(x)`", "logistic": "`sigmoid(x)`", "expit": "`sigmoid(x)`",
    "newaxis": "`None`", "pi": "`const pi = 3.141592653589793`", "not": "`1 - c`",
    "logical_and": "`c * d`, true where both are", "logical_or": "`maximum(c, d)`, true where one is",
    "logical_xor": "`c != d`", "gt": "`a > b`", "ge": "`a >= b`", "lt": "`a < b`", "le": "`a <= b`", "eq": "`a == b`",
    "ne": "`a != b`", "heaviside": "`x > 0`", "isnan": "`x != x`", "true_divide": "`a / b`",
    "float_power": "`x ** p`", "neg": "`-x`", "cbrt": "`sign(x) * abs(x)**(1/3)`",
    "amax": "`max(x)`", "amin": "`min(x)`", "fmax": "`maximum(a, b)`", "fmin": "`minimum(a, b)`",
    "absolute": "`abs(x)`", "fabs": "`abs(x)`", "clamp": "`clip(x, lo, hi)`", "addmm": "`A @ B + C`",
    "rms": "`sqrt(mean(square(x)))`", "softmin": "`softmax(-x)`", "logit": "`log(p / (1 - p))`",
    "glu": "`a * sigmoid(b)`", "normalize": "`x / norm(x, axis=-1, keepdims=true)`", "lstsq": "`pinv(A) @ b`",
    "prelu": "`where(x > 0, x, a * x)`",
    "flipud": "`x[::-1]`", "fliplr": "`x[:, ::-1]`",
    "diagonal": "`diag(A)`", "vdot": "`sum(a * b)`", "vecdot": "`sum(a * b, axis=-1)`",
    "mT": "`A.T`", "slice": "`x[1:3]`", "count": "`sum(c)`",
    "swish": "`silu(x)`", "lrelu": "`leaky_relu(x)`",
    **dict.fromkeys(("cat", "concat", "hstack", "vstack"), "`concatenate([a, b], axis=0)`"),
    "view": "`reshape(x, (n, m))`", "permute": "`transpose(x, (1, 0))`", "unsqueeze": "`expand_dims(x, 0)`",
    "gather": "`take(x, i)`", "conv": "`conv2d(x, w)`", "avg_pool": "`avg_pool2d(x, 2)`",
    **dict.fromkeys(("maxpool", "max_pool"), "`max_pool2d(x, 2)`"),
    **dict.fromkeys(("dense", "affine", "fc"), "`X @ W + b`"),
    **dict.fromkeys(("cross_entropy", "crossentropy", "softmax_cross_entropy"), f"`softmax_ce(S, y)`, {_AVERAGE}"),
    "nll_loss": f"`nll(logP, y)`, {_AVERAGE}", "mse_loss": f"`mse(a, b)`, {_AVERAGE}",
    "l1_loss": f"`mae(a, b)`, {_AVERAGE}",
    **dict.fromkeys(("smooth_l1", "smooth_l1_loss", "huber_loss"), f"`huber(a, b)`, {_AVERAGE}"),
    "hinge_loss": "`hinge(s, t)`", "bce_loss": f"`bce(p, t)`, {_AVERAGE}",
    "binary_cross_entropy": f"`bce(p, t)`, {_AVERAGE}",
    **dict.fromkeys(("binary_cross_entropy_with_logits", "bce_with_logits_loss"),
                    f"`bce_with_logits(z, t)`, {_AVERAGE}"),
    "kl_div_loss": f"`kl_div(logp, q)`, {_AVERAGE}",
    **dict.fromkeys(("gradient", "backward"), "`grad(L, W)`"),
    "diff": "`x[1:] - x[:-1]`, or `grad(L, W)` for a derivative",
    "print": "`output x`, which names a result", "range": "`arange(n)`, or `for k in 0:n { … }` for a loop",
    **dict.fromkeys(("array", "asarray", "tensor"), "the list itself: `[1, 2, 3]`"),
    **dict.fromkeys(("astype", "float", "float32", "float64"),
                    "a type in the declaration, `x[N]: float32`; conditions count as 0 and 1"),
    **dict.fromkeys(("copy", "clone", "detach"), "`x`, for values do not change; `stop_gradient(x)` is a constant"),
    **dict.fromkeys(("rand", "randn", "random", "normal", "uniform"), "an `input`: a program has no random numbers"),
}  # fmt: skip
"""Functions of other houses."""
_MISSING: Final = frozenset(
    ["sort", "argsort", "median", "unique", "nonzero", "svd", "qr", "eig", "eigh", "expm", "cov", "cross", "insert",
     "interp"]
)
"""Functions of NumPy's that nothing here does, and what is spelt like them least of all."""
_OTHER_KEYWORDS: Final = {
    "dim": "axis", "dims": "axes", "keepdim": "keepdims", "correction": "ddof", "p": "ord",
}


def instead_of(function: str) -> str | None:
    """The help for a function that has another name here."""
    from graphc.ops.table import spelt

    known = spelt()
    for name in _spellings(function):
        if name in _OTHER_NAMES:
            return f"write {_OTHER_NAMES[name]}"
        if name in known and name != function:
            return f"write `{name}(…)`"
    return "nothing here does that; `graphc ops` lists the operations" if function in _MISSING else None


def is_operation(name: str) -> bool:
    """Whether an operation has the name, or one of its arguments' other names."""
    from graphc.ops.table import spelt

    return name in spelt()


def _spellings(name: str) -> Iterator[str]:
    """What a class of PyTorch is called as a function: `CrossEntropyLoss`, `BatchNorm2d`, `ReLU`."""
    yield name
    if not name[:1].isupper() or name.isupper():
        return
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    bare = parted.removesuffix("loss").removesuffix("_")
    yield from (parted, bare, name.lower(), re.sub(r"[123]d$", "", parted), parted.replace("_re_lu", "_relu"))


def about_keyword(name: str, arguments: Collection[str]) -> str | None:
    """The help for an argument that has another name here."""
    other = _OTHER_KEYWORDS.get(name)
    return f"write `{other}=…`" if other in arguments else None


def about_attribute(owner: str | None, name: str, after: str) -> str:
    """The help for `owner.name`; `owner` is None where it is no name."""
    from graphc.language.diagnostics import suggest
    from graphc.ops.table import spelt

    known = {*spelt(), "shape", "grad"}
    if name == "g" and not after.strip():
        return "this is a program's text, not the name of a file: `graphc.load(\"net.g\")` reads one"
    if owner in _MODULES:
        return _without_prefix(name, after, known)
    if name in ("t", "mT", "H"):
        return _TRANSPOSE
    if name not in known:
        close = suggest(name, known)
        meant = f"did you mean `{close}(…)`?" if close else "operations are functions, as in `sum(x)`"
        return instead_of(name) or meant
    more = ", …" if re.match(r"\(\s*[^)\s]", after) else ""
    return f"operations are functions: `{name}({owner or '…'}{more})`"


def _without_prefix(name: str, after: str, known: Collection[str]) -> str:
    """The help for `np.linalg.norm`, `nn.ReLU`, `F.cross_entropy`."""
    while name in _SUBMODULES and (inner := re.match(r"\.(\w+)", after)):
        name, after = inner[1], after[inner.end() :]
    if name in known:
        return f"operations have no prefix: `{name}(…)`"
    return instead_of(name) or "operations have no prefix: `exp(…)`"


def about_beginning(at: Situation) -> str | None:
    """Where a statement should begin."""
    if at.kind == "STRING" or at.text in ("//", "%") or (at.text in ("/", "-") and at.after[:1] in ("*", "-")):
        return _COMMENT
    if at.kind in ("SIGN", "STAR", "FACTOR", "POWER") and at.text != "@":
        return "an expression that goes on in the next line stands in brackets"
    if at.kind in ("LPAR", "LSQB") and re.search(r"[)\]]\s*=", at.after):
        return "several results need no brackets: `a, b = split(x, 2)`"
    return None


def about_target(at: Situation, first: bool) -> str | None:
    """After the names that begin a statement."""
    name = at.previous_text
    if at.kind == "COLON" and at.after.startswith("="):
        return "to assign, write `=`"
    if at.kind == "COMPARISON" and re.match(r"\s*-", at.after):
        return f"an update is written `{name} <- …`, the arrow without a space"
    if at.kind == "SUBSCRIPTED" and at.text == "_{":
        return f"a subscript follows its name without a space: `{name}_{{…}}`"
    if at.head == "const":
        if at.kind == "LSQB":
            return f"a constant has the shape of its value: `const {name} = [1, 2, 3]`"
        return f"a constant has its value here: `const {name} = 0.1`; what is known at run time only is an `input`"
    if at.kind == "_END":
        return "a statement is `name = expression`; `output L` names a result"
    if at.kind == "NAME":
        return _NAMED if first and name in _TYPE_WORDS else "several names are separated by `,`"
    return None


def about_place(at: Situation) -> str | None:
    """Anywhere else."""
    return _about_words(at) or _about_declarations(at) or _about_heads(at) or _about_expressions(at)


def _about_words(at: Situation) -> str | None:
    operand = "NUMBER" not in at.accepted
    word = at.text if at.kind in ("NAME", "FOR", "IN") and operand else ""
    if word == "for" and at.bracket:
        return f"there are no comprehensions; {_LOOP}"
    if at.previous_text == "lambda":
        return _FUNCTION
    if at.previous_text == "not" and at.kind in ("NAME", "NUMBER"):
        return "the contrary of a condition `c` is `1 - c`"
    return {
        "if": _CHOICE, "else": _CHOICE, "and": "of conditions, `a * b` is true where both are",
        "or": "of conditions, `maximum(a, b)` is true where one is", "is": "to compare, write `==`",
    }.get(word)  # fmt: skip


def _about_declarations(at: Situation) -> str | None:
    head, name = at.head, at.previous_text
    if head in ("output", "loss"):
        if at.kind == "EQUAL":
            return f"assign it in a statement of its own: `{name} = …`"
        if at.kind in ("LPAR", "SIGN", "STAR", "FACTOR", "POWER", "LSQB", "NUMBER", "STRING"):
            return f"a result is a name: `L = …`, and then `{head} L`"
        if head == "loss" and at.kind == "COMMA":
            return "a program has one loss; `output` names several results"
        return "names are separated by `,`" if at.kind == "NAME" and "COMMA" in at.accepted else None
    if head not in ("input", "param") or at.kind == "_END":
        return None
    if at.bracket == "[":
        if at.text in (":", "..."):
            return "a dimension has a number or a name: `[N, 3]`; without brackets the shape is left open"
        return "dimensions are separated by `,`" if _two_operands(at) else None
    if at.kind == "EQUAL":
        return "an argument gets its value when the module runs; a value known now is a `const`"
    if at.kind in ("LPAR", "LSQB"):
        if at.before.rstrip().endswith("]"):
            return "all dimensions stand in one pair of brackets, as in `X[N, D]`"
        return f"a shape stands in square brackets right after the name: `{_declared(at)}`"
    if at.kind == "NAME" and "COMMA" in at.accepted:
        if at.text in _TYPES:
            return "a type follows a `:`, as in `y[N]: int`"
        if name in _TYPES and re.fullmatch(rf"{head}\s+{name}\s*", at.before):
            return f"the type stands behind the name: `{head} {at.text}: {name}`"
        return "names are separated by `,`"
    return None


def _declared(at: Situation) -> str:
    """The declaration that was meant by `W(D, H)`, `W: [D, H]` or `W: float[D, H]`."""
    written = re.search(r"(\w+)\s*(?::\s*(\w*))?\s*$", at.before)
    inside = re.match(r"([^()\[\]]*)[)\]]", at.after)
    name, type = (written[1], written[2]) if written else ("X", None)
    return f"{at.head} {name}[{inside[1] if inside else '…'}]" + (f": {type}" if type in _TYPES else "")


def _two_operands(at: Situation) -> bool:
    return at.kind in ("NAME", "NUMBER") and "NUMBER" not in at.accepted


def _about_heads(at: Situation) -> str | None:
    if at.head == "for" and not (at.bracket and "range" not in at.before):
        ranged = re.search(r"\brange\s*\(", at.before)
        if ranged:
            return "a range is written `0:3`, as in `for k in 0:3 { … }`"
        if at.kind == "_END":
            return f"{_LOOP}, the `{{` on the line of the `for`"
        return _LOOP
    if at.head in ("def", "op") and "NUMBER" not in at.accepted and (
        {"LBRACE", "LPAR"} & at.accepted or at.previous_text == at.head
    ):
        form = f"`{at.head} f(x) = …` or `{at.head} f(x) {{ … return y }}`"
        return f"{form}, the `{{` on the line of the `{at.head}`" if at.kind == "_END" else form
    if at.head == "rule" and ("ARROW" in at.accepted or "LBRACE" in at.accepted):
        return "a rule is written `rule f(x) -> y { dx = … }`"
    if at.head == "import" and "STRING" in at.accepted:
        if at.text in _MODULES:
            return "the operations are there without an import"
        return 'an import names a file: `import "layers.g"`'
    return None


def _about_expressions(at: Situation) -> str | None:
    operand = "NUMBER" in at.accepted
    if at.kind == "SEMICOLON" and at.bracket:
        rows = "; a matrix is a list of rows: `[[1, 2], [3, 4]]`"
        listed = at.bracket == "[" and "COLON" not in at.accepted
        return f"inside brackets the separator is `,`{rows if listed else ''}"
    if at.kind == "COMPARISON" and at.text == ">" and at.before.endswith("<"):
        return "that two values differ is written `!=`"
    if at.kind == "BECOMES":
        return "that one is at least the other is written `>=`"
    if at.text == "*" and re.search(r"/\s*$", at.before):
        return _COMMENT
    if at.kind == "EQUAL" and (not operand or re.search(r"=\s*$", at.before)):
        return "to compare, write `==`"
    if operand:
        if at.kind in ("STAR", "POWER") and re.search(r"[(,]\s*$", at.before):
            return "arguments are written one by one"
        if at.kind == "_END" and at.text == "\n" and at.previous_kind in ("SIGN", "STAR", "FACTOR", "POWER"):
            return "an expression that goes on in the next line stands in brackets"
        return None
    if at.kind == "STRING" and at.text[0] == "'" and re.search(r"[\w)\]]$", at.before):
        return _TRANSPOSE
    if at.kind == "COMMA" and "_END" in at.accepted:
        if at.previous_kind == "NUMBER" and re.match(r"\d", at.after):
            return "the digits of a number are grouped by `_`: `1_000`"
        return "a tuple needs brackets: `(a, b)`"
    if at.bracket == "(" and (at.kind == "COLON" or (at.previous_text in _KEYWORDS and at.kind in ("NAME", "NUMBER"))):
        return f"an argument by its name is written `{at.previous_text}=…`"
    if at.kind not in ("NAME", "NUMBER", "SUBSCRIPTED") or "SIGN" not in at.accepted:
        return None
    if re.search(r"//|%\s", at.before):
        return _COMMENT
    return None if at.bracket else _between(at)


def _between(at: Situation) -> str | None:
    """Two operands with nothing between them."""
    from graphc.ops.table import spelt

    left, right = at.previous_text, at.text.removesuffix("_{")
    if at.previous_kind == "NAME" and left in spelt():
        return f"to call `{left}`, write `{left}({right})`"
    plain = at.previous_kind in ("NAME", "NUMBER") and at.kind != "SUBSCRIPTED" and len(left) + len(right) <= 40
    return f"to multiply, write `{left} * {right}`" if plain else "to multiply, write `*`"
