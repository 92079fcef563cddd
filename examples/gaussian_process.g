# Regression with a Gaussian process: the negative logarithm of the likelihood of y as a function of the kernel's
# parameters (Rasmussen and Williams 2006, equations 2.30 and 5.1). They come as logarithms, so that any number will do.
input X[N, D], y[N]
param log_length[D], log_signal[], log_noise[]
const log_2pi = 1.8378770664093453

U = X*exp(-log_length)
r = sum(U**2, axis=1)
squared = r[:, None] + r - 2*U@U.T             # the squared distances of all pairs of rows
K = exp(2*log_signal - 0.5*squared)
C = cholesky(K + exp(2*log_noise)*eye(N))
a = solve(C, y)
L = 0.5*sum(a**2) + sum(log(diag(C))) + 0.5*log_2pi*N
