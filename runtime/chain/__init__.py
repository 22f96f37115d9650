"""The causal chain: what programs did outside, on a record that cannot be changed unnoticed."""
