# Multinomial logistic regression with a penalty on the weights, as scikit-learn's LogisticRegression(C=1) has it.
input X[N, D], y[N]: int
param W[D, C], b[C]
const penalty = 0.5

S = X@W + b
L = softmax_ce(S, y) + penalty*sum(W**2)
loss L
