"""What a person looks at: figures of a result."""
