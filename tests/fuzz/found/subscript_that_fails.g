output y_{x}
z=2
x
