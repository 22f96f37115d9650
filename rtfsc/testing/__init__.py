"""Tests written in RTFS: found in sources (`collect`), run one by one (`runner`), told about (`report`,
`junit`)."""
