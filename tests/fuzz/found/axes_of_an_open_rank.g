T = sum(max(A*B, axis=0), axis=0)
