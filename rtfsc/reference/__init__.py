"""What names mean, for people: `library` and `special_forms` are data, `lookup` makes text of them."""
