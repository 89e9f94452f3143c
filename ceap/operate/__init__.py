"""Operating a deployed workflow: what is there, what became of a message, and how to go on."""
