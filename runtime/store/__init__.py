"""The store of signed modules: content-addressed blobs and an index.  See docs/store.md."""
