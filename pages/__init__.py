"""The site that the pages make, and the pictures in them."""
