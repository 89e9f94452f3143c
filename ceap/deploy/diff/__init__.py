"""What a change of templates does to a stack, known without an account."""
