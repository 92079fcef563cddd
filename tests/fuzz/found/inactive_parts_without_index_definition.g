param s[]
input A[N, N]
L = s*2 + sum(a) + s*det(A)
