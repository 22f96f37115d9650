"""The ten kernels in RTFS, in C and in other languages; `scripts/bench c` and `scripts/bench ten`."""
