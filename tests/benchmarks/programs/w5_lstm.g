# An LSTM over 32 steps.
input X[32, N, D]
param Wx[D, 4*H], Wh[H, 4*H], b[4*H]
def cell(z, c) {
    i = sigmoid(z[:, 0:H])
    f = sigmoid(z[:, H:2*H])
    o = sigmoid(z[:, 2*H:3*H])
    g = tanh(z[:, 3*H:4*H])
    new = f * c + i * g
    return o * tanh(new), new
}
h_0 = zeros((N, H))
c_0 = zeros((N, H))
l_0 = 0
for t in 0:32 {
    h_{t+1}, c_{t+1} = cell(X[t] @ Wx + b + h_{t} @ Wh, c_{t})
    l_{t+1} = l_{t} + sum(h_{t+1} * h_{t+1})
}
L = 0.5 * l_32 / N
output L
