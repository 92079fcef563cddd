T = sum(max*min, axis=0)
