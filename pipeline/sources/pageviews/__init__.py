"""Page views: files in their common forms, and the most viewed pages of a wiki."""
