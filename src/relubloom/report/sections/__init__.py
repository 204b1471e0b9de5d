"""The page's sections: each gives the values and the figures that its template takes."""
