# A table of ratings as the product of two thin matrices, beside what is each user's and each item's own (Koren, Bell
# and Volinsky 2009). Only ratings that were given count; `lam` keeps the numbers small.
input user[N]: int, item[N]: int, rating[N]
param P[U, D], Q[I, D], b[U], c[I], mean[]
const lam = 0.02

p = P[user]
q = Q[item]
bias = b[user]
merit = c[item]
error = sum(p*q, axis=1) + bias + merit + mean - rating
L = sum(error**2) + lam*(sum(p**2) + sum(q**2) + sum(bias**2) + sum(merit**2))
