"""What people write out of habit from elsewhere: one message for each, at its place, says what is written here."""

from __future__ import annotations

import warnings

import pytest

import graphc
from graphc.language.habits import FOREIGN, instead_of
from graphc.ops.table import names, spelt

AVERAGE = 'which sums; with `reduction="mean"` it averages'
HABITS = [
    ("L = sum[x*x]", "E0207", 1, 5, "to call `sum`, write `sum(…)`"),
    ("L == sum(x)", "E0115", 1, 3, "to assign, write `=`; to use the comparison, give it a name: `c = a == b`"),
    ("y = x == 3 = 4", "E0101", 1, 12, "to compare, write `==`"),
    ("L = x^2", "E0104", 1, 6, "use `**` for a power"),
    ("L = x^T @ y", "E0104", 1, 6, "use `.T` for the transpose"),
    ("L = x^{T} @ y", "E0104", 1, 6, "use `.T` for the transpose"),
    ("L = A^-1 @ y", "E0104", 1, 6, "use `inv(A)` for the inverse of a matrix, `**` for a power"),
    ("L = A^(-1) @ y", "E0104", 1, 6, "use `inv(A)` for the inverse of a matrix, `**` for a power"),
    ("L = x^-1.5", "E0104", 1, 6, "use `**` for a power"),
    ("L = x^(-1/2)", "E0104", 1, 6, "use `**` for a power"),
    ("L = x^Tau", "E0104", 1, 6, "use `**` for a power"),
    ("L = sum(x .* y)", "E0104", 1, 11, "use `*`, which works entry by entry"),
    ("L = sum(x ./ y)", "E0104", 1, 11, "use `/`, which works entry by entry"),
    ("L = sum(x .^ 2)", "E0104", 1, 11, "use `**`, which works entry by entry"),
    ("L = x'", "E0106", 1, 6, "the transpose is written `.T`; a string has a `'` at its end, too"),
    ("L = sum(x' @ y)", "E0106", 1, 10, "the transpose is written `.T`; a string has a `'` at its end, too"),
    ("L = x.sum()", "E0109", 1, 6, "operations are functions: `sum(x)`"),
    ("L = x.T()", "E0101", 1, 8, "`.T` is not called: write it without the `()`"),
    ("L = np.exp(x)", "E0109", 1, 7, "operations have no prefix: `exp(…)`"),
    ("L = np.sum(x, axis=0)", "E0109", 1, 7, "operations have no prefix: `sum(…)`"),
    ("L = torch.relu(x)", "E0109", 1, 10, "operations have no prefix: `relu(…)`"),
    ("L = x.shape[0]", "E0109", 1, 6, "operations are functions: `shape(x)`"),
    ("L = sum(x * logical_and(x > 0, x < 1))", "E0219", 1, 13, "write `c * d`, true where both are"),
    ("L = sum(x * logical_or(x > 0, x < 1))", "E0219", 1, 13, "write `maximum(c, d)`, true where one is"),
    ("L = sum(diff(x))", "E0219", 1, 9, "write `x[1:] - x[:-1]`, or `grad(L, W)` for a derivative"),
    ("L = sum(sort(x))", "E0219", 1, 9, "nothing here does that; `graphc ops` lists the operations"),
    ("L = len(x)", "E0219", 1, 5, "write `shape(x)[0]`"),
    ("f = lambda x: x*2", "E0101", 1, 12, "a function is written `def f(x) = …`"),
    ("if x > 0: y = 1", "E0101", 1, 1, "there are no branches; `where(c, a, b)` chooses between values"),
    ("while x > 0 { y = 1 }", "E0101", 1, 1, "a loop has a range known at compile time: `for k in 0:3 { … }`"),
    ("y = x if x > 0 else 0", "E0101", 1, 7, "there are no branches; `where(c, a, b)` chooses between values"),
    (
        "x += 1", "E0115", 1, 3,
        "a name is assigned once: write `new_x = x + 1`, a new name, "
        "or `x <- x + 1` for an update of an argument",
    ),
    ("W -= eta * grad(L, W)", "E0115", 1, 3, "an update is written `W <- W - eta * grad(L, W)`"),
    ("W -= 1e-3 * (grad(L, W) + W)  # decay", "E0115", 1, 3, "an update is written `W <- W - 1e-3 * (grad(L, W) + W)`"),
    ("W -= eta*grad(L, W) + W; y = W", "E0115", 1, 3, "an update is written `W <- W - (eta*grad(L, W) + W)`"),
    (
        "W_{1} *= a + b", "E0115", 1, 7,
        "a name is assigned once: write `new_W = W_{1} * (a + b)`, a new name, "
        "or `W_{1} <- W_{1} * (a + b)` for an update of an argument",
    ),
    (
        "for k in 0:2 { z += x }", "E0115", 1, 18,
        "a name is assigned once: write `new_z = z + x`, a new name, "
        "or `z <- z + x` for an update of an argument",
    ),
    (
        "h //= 2 * (a\n + b)", "E0115", 1, 3,
        "a name is assigned once: write `new_h = h // …`, a new name, "
        "or `h <- h // …` for an update of an argument",
    ),
    ("def f(x): return x*2", "E0101", 1, 9, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("def f(x):\n    return x*2\nL = f(y)", "E0101", 1, 9, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("def f(x):\n    y = x*2\n    return y\nL = f(y)", "E0101", 1, 9, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("L = x − 1", "E0104", 1, 7, "use `-`"),
    ("L = x × y", "E0104", 1, 7, "use `*`"),
    ("L = x · y", "E0104", 1, 7, "use `*`"),
    ("L = “abc”", "E0104", 1, 5, 'use `"`'),
    ("L = einsum(‘ij->i’, x)", "E0104", 1, 12, "use `'`"),
    ("L := sum(x)", "E0101", 1, 3, "to assign, write `=`"),
    ("y := x + 1; L = sum(y)", "E0101", 1, 3, "to assign, write `=`"),
    ("L = (x,)", "E0205", 1, 5, "without the comma it is the value itself"),
    ("L = x y", "E0101", 1, 7, "to multiply, write `x * y`"),
    ("L = 2x", "E0105", 1, 5, "to multiply, write `2*x`"),
    ("L = 2 x", "E0101", 1, 7, "to multiply, write `2 * x`"),
    ("L = 2(x+1)", "E0101", 1, 6, "to multiply, write `*`"),
    ("L = (x+1)(x+2)", "E0101", 1, 10, "to multiply, write `*`"),
    ("for k in range(3) { z_{k} = x }", "E0101", 1, 19, "a range is written `0:3`, as in `for k in 0:3 { … }`"),
    ("for k in range(3): z = x", "E0101", 1, 22, "a range is written `0:3`, as in `for k in 0:3 { … }`"),
    ("for k = 0:3 { z_{k} = x }", "E0101", 1, 7, "a loop is written `for k in 0:3 { … }`"),
    ("for (k in 0:3) { z_{k} = x }", "E0101", 1, 5, "a loop is written `for k in 0:3 { … }`"),
    ("for k in 0..3 { z_{k} = x }", "E0105", 1, 10, "a range is written `0:3`"),
    ("for k in [0,1,2] { z_{k} = x }", "E0101", 1, 18, "a loop is written `for k in 0:3 { … }`"),
    (
        "for k in 0:3 \n z_{k} = x", "E0101", 1, 13,
        "a loop is written `for k in 0:3 { … }`, the `{` on the line of the `for`",
    ),
    (
        "for k in 0:3\n{ z_{k} = x }", "E0101", 1, 13,
        "a loop is written `for k in 0:3 { … }`, the `{` on the line of the `for`",
    ),
    ("for k in 3 { z_{k} = x }", "E0101", 1, 12, "a loop is written `for k in 0:3 { … }`"),
    ("L = softmax_ce(S; y)", "E0101", 1, 17, "inside brackets the separator is `,`"),
    (
        "input X(N, D)\nL = sum(X)", "E0101", 1, 8,
        "a shape stands in square brackets right after the name: `input X[N, D]`",
    ),
    (
        "param W: [D,H]\nL = sum(W)", "E0101", 1, 10,
        "a shape stands in square brackets right after the name: `param W[D,H]`",
    ),
    (
        "param W: float[D,H]\nL = sum(W)", "E0101", 1, 15,
        "a shape stands in square brackets right after the name: `param W[D,H]: float`",
    ),
    (
        "input X: (N, D)\nL = sum(X)", "E0101", 1, 10,
        "a shape stands in square brackets right after the name: `input X[N, D]`",
    ),
    ("input x[N] y[N]\nL = sum(x)", "E0101", 1, 12, "names are separated by `,`"),
    ("input X[N D]\nL = sum(X)", "E0101", 1, 11, "dimensions are separated by `,`"),
    ("input X[N][D]\nL = sum(X)", "E0101", 1, 11, "all dimensions stand in one pair of brackets, as in `X[N, D]`"),
    ("input int y[N]\nL = sum(y)", "E0101", 1, 11, "the type stands behind the name: `input y: int`"),
    ("input y[N] int\nL = sum(y)", "E0101", 1, 12, "a type follows a `:`, as in `y[N]: int`"),
    (
        "input y: int[N]\nL = sum(y)", "E0101", 1, 13,
        "a shape stands in square brackets right after the name: `input y[N]: int`",
    ),
    ("inptu X[N]\nL = sum(X)", "E0101", 1, 7, "did you mean `input`?"),
    ("Input X[N]\nL = sum(X)", "E0101", 1, 7, "did you mean `input`?"),
    ("parameter W[N]\nL = sum(W)", "E0101", 1, 11, "did you mean `param`?"),
    (
        "param W[D, H] = 0\nL = sum(W)", "E0101", 1, 15,
        "an argument gets its value when the module runs; a value known now is a `const`",
    ),
    (
        "const x\nL = x", "E0101", 1, 8,
        "a constant has its value here: `const x = 0.1`; what is known at run time only is an `input`",
    ),
    ("const x[3]\nL = sum(x)", "E0101", 1, 8, "a constant has the shape of its value: `const x = [1, 2, 3]`"),
    ("loss sum(x)", "E0101", 1, 9, "a result is a name: `L = …`, and then `loss L`"),
    ("loss L = sum(x)", "E0101", 1, 8, "assign it in a statement of its own: `L = …`"),
    ("output L = sum(x)", "E0101", 1, 10, "assign it in a statement of its own: `L = …`"),
    ("output sum(x)", "E0101", 1, 11, "a result is a name: `L = …`, and then `output L`"),
    ("output x y", "E0101", 1, 10, "names are separated by `,`"),
    (
        "L = [1; 2; 3] @ x", "E0101", 1, 7,
        "inside brackets the separator is `,`; a matrix is a list of rows: `[[1, 2], [3, 4]]`",
    ),
    (
        "L = [1, 2; 3, 4] @ x", "E0101", 1, 10,
        "inside brackets the separator is `,`; a matrix is a list of rows: `[[1, 2], [3, 4]]`",
    ),
    ("L = x[1; 2]", "E0101", 1, 8, "inside brackets the separator is `,`"),
    (
        "L = {1, 2}", "E0101", 1, 5,
        "a subscript follows the name's `_` without a space: `z_{k}`; lists are written `[a, b]`",
    ),
    ("L = f()(x)", "E0101", 1, 8, "to multiply, write `*`"),
    ("L = sum x", "E0101", 1, 9, "to call `sum`, write `sum(x)`"),
    ("L = relu x", "E0101", 1, 10, "to call `relu`, write `relu(x)`"),
    ("= 3", "E0115", 1, 1, "a statement is `name = expression`, or begins with a word such as `input` or `def`"),
    ("L", "E0101", 1, 2, "a statement is `name = expression`; `output L` names a result"),
    ("x + 1", "E0115", 1, 3, "give the result a name: `y = x + …`"),
    ("sum(x)", "E0115", 1, 4, "give the result a name: `y = sum(…)`"),
    ("sum(x) = 3", "E0115", 1, 4, "give the result a name: `y = sum(…)`"),
    (
        "x[0] = 3", "E0115", 1, 2,
        "values do not change: build the whole, or give each part a name, as `x_{k}` in a loop",
    ),
    ("x.T = 3", "E0115", 1, 2, "values do not change: build the whole, or give each part a name, as `x_{k}` in a loop"),
    ("2 = x", "E0115", 1, 1, "a statement is `name = expression`, or begins with a word such as `input` or `def`"),
    ("a, b", "E0101", 1, 5, "a statement is `name = expression`; `output L` names a result"),
    ("a b = split(x, 2)", "E0101", 1, 3, "several names are separated by `,`"),
    ("(a, b) = split(x, 2)", "E0115", 1, 1, "several results need no brackets: `a, b = split(x, 2)`"),
    ("[a, b] = split(x, 2)", "E0115", 1, 1, "several results need no brackets: `a, b = split(x, 2)`"),
    ("z _{1} = x", "E0101", 1, 3, "a subscript follows its name without a space: `z_{…}`"),
    (
        "z[k] = x", "E0115", 1, 2,
        "values do not change: build the whole, or give each part a name, as `z_{k}` in a loop",
    ),
    ("L = x and y", "E0101", 1, 7, "of conditions, `a * b` is true where both are"),
    ("L = x or y", "E0101", 1, 7, "of conditions, `maximum(a, b)` is true where one is"),
    ("L = not x", "E0101", 1, 9, "the contrary of a condition `c` is `1 - c`"),
    ("L = !x", "E0104", 1, 5, 'use `!=`, or `1 - c` for "not" of a condition'),
    ("L = x && y", "E0104", 1, 7, 'use `*` for "and" of conditions'),
    ("L = x || y", "E0104", 1, 7, 'use `maximum(a, b)` for "or" of conditions, or `norm(…)`'),
    ("L = |x|", "E0104", 1, 5, "use `abs(…)` or `maximum(…)`"),
    ("L = ||x||", "E0104", 1, 5, 'use `maximum(a, b)` for "or" of conditions, or `norm(…)`'),
    ("L = x <> y", "E0101", 1, 8, "that two values differ is written `!=`"),
    ("L = x === y", "E0101", 1, 9, "to compare, write `==`"),
    ("L = a < b < c", "E0108", 1, 11, "compare twice and multiply: `(a < b) * (b < c)`"),
    ("L = x is None", "E0101", 1, 7, "to compare, write `==`"),
    ("import layers.g", "E0101", 1, 8, 'an import names a file: `import "layers.g"`'),
    ("import layers", "E0101", 1, 8, 'an import names a file: `import "layers.g"`'),
    ('import "layers"', "E0218", 1, 8, "paths are relative to the importing file"),
    ("from layers import f", "E0101", 1, 1, '`import "file.g"` makes another file\'s functions available'),
    ("# ok\n// comment\nL = sum(x)", "E0115", 2, 1, "a comment begins with `#`"),
    ("L = sum(x) // a comment", "E0101", 1, 17, "a comment begins with `#`"),
    ("/* c */ L = sum(x)", "E0115", 1, 1, "a comment begins with `#`"),
    ("% comment\nL = sum(x)", "E0115", 1, 1, "a comment begins with `#`"),
    ("-- c\nL = sum(x)", "E0115", 1, 1, "a comment begins with `#`"),
    ('"""doc"""\nL = sum(x)', "E0115", 1, 1, "a comment begins with `#`"),
    ("L = x \\\n + 1", "E0114", 1, 7, "inside brackets a newline does not end a statement"),
    ("L = x\n  + 1", "E0115", 2, 3, "an expression that goes on in the next line stands in brackets"),
    ("L = sum(x) +\n  1", "E0101", 1, 13, "an expression that goes on in the next line stands in brackets"),
    ("print(L)", "E0101", 1, 1, "a program has no actions; `output x` names a result"),
    ("true = 3", "E0107", 1, 1, "choose another name, such as `true_`"),
    ("None = 3", "E0107", 1, 1, "choose another name, such as `None_`"),
    ("L = 007", "E0105", 1, 5, "write `7`"),
    ("L = 1,000 * x", "E0101", 1, 6, "the digits of a number are grouped by `_`: `1_000`"),
    ("L = x!", "E0104", 1, 6, 'use `!=`, or `1 - c` for "not" of a condition'),
    ("L = x?", "E0104", 1, 6, "use `where(c, a, b)` to choose between values"),
    ("L = a ? b : c", "E0104", 1, 7, "use `where(c, a, b)` to choose between values"),
    ("W1, W2 <- a, b", "E0115", 1, 8, "write a statement for each: `a <- …; b <- …`"),
    ("W < - W - 1", "E0101", 1, 3, "an update is written `W <- …`, the arrow without a space"),
    ("W ← W - 1", "E0104", 1, 3, "use `<-`"),
    ("def f x = x", "E0101", 1, 7, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("def (x) = x", "E0101", 1, 5, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("def f(x) -> y { y = x }", "E0101", 1, 10, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("def f(x) { y = x }\nL = f(x)", "E0112", 1, 5, "end the body with `return` and the result"),
    ("def f(x) { x*2 }\nL = f(x)", "E0115", 1, 13, "give the result a name: `y = x * …`"),
    ("def f(x) return x", "E0101", 1, 10, "`def f(x) = …` or `def f(x) { … return y }`"),
    ("fn f(x) = x", "E0101", 1, 1, "a function is written `def f(x) = …`"),
    ("func f(x) = x", "E0101", 1, 1, "a function is written `def f(x) = …`"),
    ("op f(x) { x*2 }", "E0115", 1, 12, "give the result a name: `y = x * …`"),
    ("rule f(x) { dx = dy }", "E0101", 1, 11, "a rule is written `rule f(x) -> y { dx = … }`"),
    ("rule f(x) -> y = dy", "E0101", 1, 16, "a rule is written `rule f(x) -> y { dx = … }`"),
    ("L = sum(x, axis 0)", "E0101", 1, 17, "an argument by its name is written `axis=…`"),
    ("L = sum(x, axis:0)", "E0101", 1, 16, "an argument by its name is written `axis=…`"),
    ("L = sum(x, axis==0)", "E0211", 1, 12, "an argument by its name is written with one `=`"),
    ("L = x.t", "E0109", 1, 6, "the transpose is written `.T`"),
    ("L = x.transpose()", "E0109", 1, 6, "operations are functions: `transpose(x)`"),
    ("L = 'abc", "E0106", 1, 5, "a string ends on the line it begins on"),
    ('L = "abc', "E0106", 1, 5, "a string ends on the line it begins on"),
    ("let L = sum(x)", "E0101", 1, 1, "an assignment needs no word: `y = …`"),
    ("var L = sum(x)", "E0101", 1, 1, "an assignment needs no word: `y = …`"),
    ("tensor L = sum(x)", "E0101", 1, 8, "an assignment needs no word: `y = …`"),
    ("float L = sum(x)", "E0101", 1, 7, "an assignment needs no word: `y = …`"),
    ("L = sum(x) if true", "E0101", 1, 12, "there are no branches; `where(c, a, b)` chooses between values"),
    ("else { }", "E0101", 1, 1, "there are no branches; `where(c, a, b)` chooses between values"),
    (
        "{ L = sum(x) }", "E0115", 1, 1,
        "a statement is `name = expression`, or begins with a word such as `input` or `def`",
    ),
    ("begin", "E0101", 1, 1, "a body stands in braces: `{ … }`"),
    ("end", "E0101", 1, 1, "a body stands in braces: `{ … }`"),
    ("L = x\xa0+ 1", "E0104", 1, 6, "use an ordinary space"),
    ("L = x₁ + 1", "E0104", 1, 6, "use `_1`"),
    ("L = x² + 1", "E0104", 1, 6, "use `**2`"),
    ("L = √x", "E0104", 1, 5, "use `sqrt(…)`"),
    ("L = Σ(x)", "E0219", 1, 5, "write `sum(x)`"),
    ("L = ∑ x", "E0104", 1, 5, "use `sum(…)`"),
    ("∂L = 3", "E0104", 1, 1, "use `grad(L, x)` for a derivative"),
    ("L = x ≤ y", "E0104", 1, 7, "use `<=`"),
    ("L = x[…]", "E0104", 1, 7, "use `...`"),
    ("L = x →", "E0104", 1, 7, "use `->`"),
    ("L = W1*X+b1, relu", "E0101", 1, 12, "a tuple needs brackets: `(a, b)`"),
    ("y = x, z", "E0101", 1, 6, "a tuple needs brackets: `(a, b)`"),
    (
        "L = grad(L)", "E0209", 1, 10,
        "a name has one value: give the result another name, or write an update of an argument: `L <- …`",
    ),
    (
        "x = x + 1", "E0209", 1, 5,
        "a name has one value: give the result another name, or write an update of an argument: `x <- …`",
    ),
    (
        "for i in 0:3 { x = x + 1 }", "E0209", 1, 20,
        "a name has one value, in a loop one for each step: `x_{i+1} = … x_{i} …`",
    ),
    (
        "y = 2; const a = y; b = a*x", "E0209", 1, 18,
        "constants come before other statements: `const y = …`, or no `const` for `a`",
    ),
    (
        "v <- 0.9*v; L = sum(v*x)", "E0216", 1, 1,
        "declare `param v`, or write the update below",
    ),
    ("x[N, D]", "E0115", 1, 2, "to declare an argument: `input x[N, D]`"),
    ("x[N]: int; L = sum(y)", "E0115", 1, 2, "to declare an argument: `input x[N]`"),
    (
        "input X[:, D]", "E0101", 1, 9,
        "a dimension has a number or a name: `[N, 3]`; without brackets the shape is left open",
    ),
    ("L = sum(w); g, h = grad(L, w, v)", "E0206", 1, 20, "one at a time: `grad(L, W)`"),
    ("L = sum(w); g, h = grad(L, (w, v))", "E0206", 1, 28, "one at a time: `grad(L, W)`"),
    ("y = dense(x, 10)", "E0219", 1, 5, "write `X @ W + b`"),
    ("L = [sum(x)]", "E0205", 1, 5, "`stack([sum(x)])` makes one array of it"),
    ("x = A \\ b", "E0104", 1, 7, "what solves `A x = b` is `solve(A, b)`"),
    ("a, b = x", "E0205", 1, 1, "take its entries one by one: `a = x[0]`"),
    ("y = x * np.array([1, 2])", "E0109", 1, 11, "write the list itself: `[1, 2, 3]`"),
    (
        "y = x.astype(float32)", "E0109", 1, 6,
        "write a type in the declaration, `x[N]: float32`; conditions count as 0 and 1",
    ),
    ("y = x.detach()", "E0109", 1, 6, "write `x`, for values do not change; `stop_gradient(x)` is a constant"),
    ("L = norm(x, ord=inf)", "E0211", 1, 17, "the largest entry is `max(abs(x))`, the smallest `min(abs(x))`"),
    ("L = np.linalg.norm(x)", "E0109", 1, 7, "operations have no prefix: `norm(…)`"),
    ("L = torch.nn.functional.relu(x)", "E0109", 1, 10, "operations have no prefix: `relu(…)`"),
    ("L = nn.CrossEntropyLoss()(S, y)", "E0109", 1, 7, f"write `softmax_ce(S, y)`, {AVERAGE}"),
    ("L = nn.MSELoss()(a, b)", "E0109", 1, 7, f"write `mse(a, b)`, {AVERAGE}"),
    ("L = nn.ReLU()(a)", "E0109", 1, 7, "write `relu(…)`"),
    ("L = F.cross_entropy(S, y)", "E0109", 1, 6, f"write `softmax_ce(S, y)`, {AVERAGE}"),
    ("L = CrossEntropyLoss(S, y)", "E0219", 1, 5, f"write `softmax_ce(S, y)`, {AVERAGE}"),
    ("L = BCEWithLogitsLoss(z, t)", "E0219", 1, 5, f"write `bce_with_logits(z, t)`, {AVERAGE}"),
    ("H = LeakyReLU(X)", "E0219", 1, 5, "write `leaky_relu(…)`"),
    ("H = BatchNorm2d(X)", "E0219", 1, 5, "write `batch_norm(…)`"),
    ("f(x, y) = x*y", "E0115", 1, 2, "a function is written `def f(x, y) = …`"),
    ("sum(x) == 3", "E0115", 1, 4, "give the result a name: `y = sum(…)`"),
    ("x + y = z", "E0115", 1, 3, "the left side is one name: solve the equation for it"),
    ("x * 2 == y", "E0115", 1, 3, "give the result a name: `y = x * …`"),
    ("input X[N,D]; L = sum(X(0))", "E0219", 1, 23, "to index, write `X[0]`; to multiply, `X * (0)`"),
    ("L = softmax_ce(S, y, reduction=mean)", "E0211", 1, 32, 'a text stands in quotes: `"mean"`'),
    ("L = sum(x)  /* so */", "E0101", 1, 14, "a comment begins with `#`"),
    ("L = sum(x)  % the sum", "E0101", 1, 19, "a comment begins with `#`"),
    ("L = x => y", "E0101", 1, 7, "that one is at least the other is written `>=`"),
    (
        "L = zeros((K, H))", "E0206", 1, 11,
        "sizes are those of declarations, as N of `input X[N, D]`, integers, and `shape(x)[0]`",
    ),
    ("a, b = relu(x)", "E0205", 1, 1, "take its entries one by one: `x = …`, and then `a = x[0]`"),
    ("a, b = v", "E0205", 1, 1, "take its entries one by one: `a = v[0]`"),
    ("input x[N]: double; L = sum(x)", "E0215", 1, 13, "did you mean `float64`?"),
    ("input y[N]: long; param x[n]; L = sum(x[y])", "E0215", 1, 13, "did you mean `int`?"),
    ("for k in 0:3 { z_{k} = x*k }; L = sum(z_{k})", "E0211", 1, 42,
     "the variable of a loop is known in its body alone"),
    ("input X[N,D]; param W[D,C], b[D]; L = sum(X@W + b)", "E0203", 1, 43, "declare `param b[C]`"),
    ("input X[N,D]; param W[D,C], b[C,1]; L = sum(X@W + b)", "E0203", 1, 45, "transpose it: `b.T`"),
    (
        "op f(x) = x*x; rule f(x) -> y { dz = 2*dy*x }; L = sum(f(x))", "E0302", 1, 16, "did you mean it by `dz`?",
    ),
    ("const M = [1, x]; L = sum(M)", "E0211", 1, 15, "without `const` it is an assignment: `M = …`"),
    ("L = np.random.randn(3)", "E0109", 1, 7, "write an `input`: a program has no random numbers"),
    ("L = np.pi * x", "E0109", 1, 7, "write `const pi = 3.141592653589793`"),
    ("y = x[:, np.newaxis]", "E0109", 1, 12, "write `None`"),
    ("L = sum(x, dim=0)", "E0206", 1, 12, "write `axis=…`"),
    ("L = sum(x, axis=0, keepdim=True)", "E0206", 1, 20, "did you mean `keepdims`?"),
    ("import numpy as np", "E0101", 1, 8, "the operations are there without an import"),
    ("assert x > 0", "E0101", 1, 1, "a program has no actions; `output x` names a result"),
    ("L = [x*2 for x in y]", "E0101", 1, 10, "there are no comprehensions; a loop is written `for k in 0:3 { … }`"),
    ("L = sum(k for k in x)", "E0101", 1, 11, "there are no comprehensions; a loop is written `for k in 0:3 { … }`"),
    ("y = f(*args)", "E0101", 1, 7, "arguments are written one by one"),
    ("y = f(**kw)", "E0101", 1, 7, "arguments are written one by one"),
    (
        "@decorator\ndef f(x) = x", "E0115", 1, 1,
        "a statement is `name = expression`, or begins with a word such as `input` or `def`",
    ),
    ("class A: pass", "E0101", 1, 1, "a function is written `def f(x) = …`"),
    ("ouput L", "E0101", 1, 7, "did you mean `output`?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "help"), HABITS, ids=[habit[0] for habit in HABITS])
def test_one_message_that_helps(text: str, code: str, line: int, column: int, help: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text, verify=False)
    (error,) = caught.value.errors
    assert (error.code, error.line, error.column, error.help) == (code, line, column, help)


@pytest.mark.parametrize("word", sorted(FOREIGN))
def test_a_word_that_begins_a_statement_elsewhere(word: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"{word} x", verify=False)
    assert caught.value.errors[0].message == f"there is no `{word}` in this language"
    assert "def forward(" in graphc.compile(f"{word} = 2 * x\nL = sum({word})", verify=False), "and yet it is a name"


@pytest.mark.parametrize("name", ["len", "cat", "mse_loss", "pow", "swish", "atan", "avg", "rand", "view"])
def test_a_function_of_another_name(name: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"y = {name}(x)", verify=False)
    (error,) = caught.value.errors
    assert (error.code, error.help) == ("E0219", instead_of(name))


def test_what_is_proposed_is_there() -> None:
    import re

    from graphc.language import habits

    known = {*names(), "grad", "shape"}
    proposed = [re.match(r"`(\w+)\(", text) for text in habits._OTHER_NAMES.values()]
    assert {match[1] for match in proposed if match} <= known
    assert not habits._OTHER_NAMES.keys() & known
    assert set(names()) <= spelt()


def test_a_body_in_the_way_of_python_is_skipped() -> None:
    text = "def f(x):\n    y = x * 2\n\n    return y\nfor k in 0:3:\n    z = x\n  \nL = nosuch(x)\n"
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(text, verify=False)
    assert [(error.code, error.line) for error in caught.value.errors] == [("E0101", 1), ("E0101", 5), ("E0219", 8)]


def test_a_line_that_ends_too_early_in_the_line_of_its_block_does_not_go_on_in_the_statements_of_that() -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile("for k in 0:3 { a_{k} = x +\n    b_{k} = nosuch(x)\n    c_{k} = nosuch2(x)\n}\nL = sum(x)")
    assert [(error.code, error.line) for error in caught.value.errors] == [("E0101", 1), ("E0219", 2), ("E0219", 3)]


@pytest.mark.parametrize("before", ["", "z = 2*x; "])
def test_a_line_that_ends_too_early_goes_on_in_the_next(before: str) -> None:
    with pytest.raises(graphc.GraphcError) as caught:
        graphc.compile(f"{before}a = x +\n  1 +\n  2\nb = \nc = nosuch(x)", verify=False)
    assert [(error.code, error.line) for error in caught.value.errors] == [("E0101", 1), ("E0101", 4), ("E0219", 5)]


@pytest.mark.parametrize(("text", "helps"), [
    ("L = sum(x) // comment", 2), ("L = sum(x > 0)", 0), ("L = sum(x*y)", None),
])  # fmt: skip
def test_what_was_meant_as_a_comment_in_the_way_of_c(text: str, helps: int | None) -> None:
    """It is a legal quotient that is rounded; the warnings say so."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graphc.compile(text, verify=False)
    assert bool(caught) == (helps is not None)
    assert sum("a comment begins with `#`" in str(each.message) for each in caught) == (helps or 0)
