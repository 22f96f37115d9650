"""Keys, manifests and the policy that decides whose modules are run.  See docs/trust.md."""
