# A mixture of K normal distributions: the logarithm of the likelihood of the rows of X, less a prior that keeps the
# covariance matrices from collapsing (Wishart, with gamma and m degrees of freedom beyond D). The problem is that of
# ADBench (Šrajer, Kukelova and Fitzgibbon 2018); constants that depend on sizes alone are left out.
input X[N, D], gamma[], m[]
param alpha[K], mean[K, D], log_diagonal[K, D], lower[K, D, D]

# The inverse covariance matrix of each is Qᵀ Q, with Q lower triangular and a positive diagonal.
diagonal = exp(log_diagonal)
Q = tril(lower, -1) + diagonal[:, None, :]*eye(D)
centred = X[:, None, :] - mean                                        # (N, K, D)
scaled = einsum("kde,nke->nkd", Q, centred)
log_det = sum(log_diagonal, axis=1)
score = alpha + log_det - 0.5*sum(scaled**2, axis=2)                  # (N, K)
likelihood = sum(logsumexp(score, axis=1)) - N*logsumexp(alpha)
prior = 0.5*gamma**2*sum(Q**2) - m*sum(log_det)
L = likelihood - prior
