"""Relations: gene maps and compounds held against what is known of them."""
