"""The language: text to statements and back."""
