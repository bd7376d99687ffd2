"""What has a microscopy image model learned that its untrained twin does not already give."""
