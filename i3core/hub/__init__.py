"""Models from and to the Hugging Face hub: resumable download, upload, model card."""
