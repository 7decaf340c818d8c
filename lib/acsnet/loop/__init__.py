"""What a site does for years: correct, review, retrain, prove, promote. Research use only."""
