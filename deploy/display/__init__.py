"""What is shown: windows, and what is drawn into them."""
