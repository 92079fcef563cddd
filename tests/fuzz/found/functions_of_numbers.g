# What a rule makes of plain numbers are plain numbers as well.
input w[D]
z = bce(sigmoid(0.3), sigmoid(w), reduction="mean")
