"""Training data: file readers, record schemas, validation, tokenised datasets, batches, hub datasets."""
