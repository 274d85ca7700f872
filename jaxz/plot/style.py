"""Colours that the figures have in common: data and what is right, what is wrong, and lines that are no data."""

BLUE, RED, GREY = "#2c5f8a", "#c1121f", "0.6"
