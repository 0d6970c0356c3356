"""Language models: what is asked of them, and the one place that runs them."""
