"""Training on a site's reviewed labels, and the promotion of a model that is proven better."""
