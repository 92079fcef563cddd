param sum[N*D, N%2]
param x[N], w[N]
L = sum(x * floor(w))
