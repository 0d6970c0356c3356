"""Page views: files in the common formats, and the most viewed pages of a wiki."""
