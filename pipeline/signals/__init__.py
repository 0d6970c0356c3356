"""What is measured of items: frequency, degree, popularity, likelihood."""
