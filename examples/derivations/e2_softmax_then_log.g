# E2  Softmax as a layer of its own, then −log of the right class: Z = softmax(S), L = −Σ_i log Z_{i,y_i}.
#     Through the softmax, dz_k/ds_j = z_k (1{j = k} − z_j); with dz_{i,y_i} = −1 / z_{i,y_i} and 0 elsewhere:
#     dS_ij = Z_ij − 1{j = y_i}, the same statement that e2_softmax_ce.g ends in.
param S[N, C]
input y[N]: int
Z = softmax(S)
L = -sum(log(Z[arange(N), y]))
