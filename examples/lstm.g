# A recurrent network with long short-term memory (Hochreiter and Schmidhuber 1997; the forget gate: Gers, Schmidhuber
# and Cummins 2000). It reads five steps of N sequences and predicts one number for each from its last state.
input X[N, 5, D], target[N]
param Wx[D, 4*H], Wh[H, 4*H], b[4*H], v[H], a[]

h_0 = zeros((N, H))
c_0 = zeros((N, H))
for t in 0:5 {
    Z_{t} = X[:, t]@Wx + h_{t}@Wh + b
    i_{t} = sigmoid(Z_{t}[:, 0:H])                  # what to write,
    f_{t} = sigmoid(Z_{t}[:, H:2*H])                # what to keep
    o_{t} = sigmoid(Z_{t}[:, 2*H:3*H])              # and what to show of the memory c
    g_{t} = tanh(Z_{t}[:, 3*H:4*H])
    c_{t+1} = f_{t}*c_{t} + i_{t}*g_{t}
    r_{t} = tanh(c_{t+1})
    h_{t+1} = o_{t}*r_{t}
}
prediction = h_5@v + a
L = mse(prediction, target, reduction="mean")

output prediction, L
loss L
