"""Scripts as users write them; a type checker reads them, nothing runs them."""
