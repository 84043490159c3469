"""What queries leave behind for later ones."""
