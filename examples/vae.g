# A variational autoencoder (Kingma and Welling 2014): for each row of X, numbers from 0 to 1, the encoder gives a
# normal distribution of codes, and the decoder makes the row from one draw. The caller draws `noise`, standard normal.
input X[N, D], noise[N, K]
param W1[D, H], b1[H], W_mean[H, K], b_mean[K], W_log[H, K], b_log[K]
param W2[K, H], b2[H], W3[H, D], b3[D]

# encoder
E = tanh(X@W1 + b1)
mean = E@W_mean + b_mean
log_sigma = E@W_log + b_log
sigma = exp(log_sigma)
code = mean + sigma*noise                      # a draw, and smooth in mean and sigma

# decoder
G = tanh(code@W2 + b2)
logits = G@W3 + b3

reconstruction = bce_with_logits(logits, X)
divergence = sum(mean**2 + sigma**2 - 1)/2 - sum(log_sigma)    # from the standard normal distribution
L = (reconstruction + divergence)/N

output L, reconstruction, divergence
loss L
