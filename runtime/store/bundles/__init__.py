"""Modules on the move: OCI image layouts in folders, zip and tar files, and OCI registries."""
