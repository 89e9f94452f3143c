"""What `ceap check` says, in each of its formats."""
