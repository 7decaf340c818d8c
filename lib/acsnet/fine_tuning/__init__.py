"""Fine-tuning on a site's reviewed labels, and promotion of a model that is proven better."""
