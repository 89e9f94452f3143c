"""One message through a deployed workflow: what its template promises, what AWS shows, and what differs."""
