T = sum(A, axis=0)
