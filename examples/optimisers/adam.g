# Adam (Kingma and Ba 2015): the gradient and its square, averaged over the steps, the bias of the start taken out.
#
# The averages M and S and the number of steps t, an integer, are state: zeros at first.
#
#     new = net.step(X, y, W1, W2, M1, M2, S1, S2, t, eta)          new["W1"], …, new["t"]

input X[N, D], y[N]: int
param W1[D, H], W2[H, C]
input M1[D, H], M2[H, C], S1[D, H], S2[H, C], t[]: int, eta[]
const beta1 = 0.9
const beta2 = 0.999
const epsilon = 1e-8

def adam(W, G, M, S, k, eta) {
    m = beta1 * M + (1 - beta1) * G
    s = beta2 * S + (1 - beta2) * G**2
    step = eta * (m / (1 - beta1**k)) / (sqrt(s / (1 - beta2**k)) + epsilon)
    return W - step, m, s
}

Z = tanh(X @ W1)
L = softmax_ce(Z @ W2, y, reduction="mean")
output L

k = t + 1
w1, m1, s1 = adam(W1, grad(L, W1), M1, S1, k, eta)
w2, m2, s2 = adam(W2, grad(L, W2), M2, S2, k, eta)

t <- k
W1 <- w1; M1 <- m1; S1 <- s1
W2 <- w2; M2 <- m2; S2 <- s2
