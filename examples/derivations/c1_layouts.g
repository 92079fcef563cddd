# C1, C2  The Jacobian of y = M x in both layouts: J in the numerator's (a row for each entry of y), D in the denominator's.
#     J = M,   D = Mᵀ,   and with dz/dy = c:  dz/dx = D c as a column, c J as a row
#     With dcolumn and drow coming in:  dM = c (dcolumn + drow)ᵀ,   dc = M (dcolumn + drow)
input x[n]
param M[m, n], c[m]
y = M@x
J = jacobian(y, x)
D = J.T
column = D@c
row = c@J
output column, row
