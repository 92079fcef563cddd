T = argmax(A, axis=0)
