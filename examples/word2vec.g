# Word vectors by skip-grams with negative sampling (Mikolov et al. 2013): the vector of a word in V shall tell the
# words around it from K others, which the caller draws. A word has another vector, in C, where it is the one to tell.
input word[N]: int, context[N]: int, others[N, K]: int
param V[M, D], C[M, D]

v = embedding(word, V)                         # (N, D)
near = embedding(context, C)                   # (N, D)
far = embedding(others, C)                     # (N, K, D)
score = sum(v*near, axis=1)
other_scores = einsum("nd,nkd->nk", v, far)
L = -(sum(log_sigmoid(score)) + sum(log_sigmoid(-other_scores)))/N
