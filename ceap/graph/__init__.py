"""A workflow as a picture: what its template joins, as Mermaid or SVG."""
