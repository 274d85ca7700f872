"""Arrays in, arrays out: the numerical kernels, public for those who build on them."""
