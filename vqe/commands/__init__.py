"""What carries statements out that are no queries."""
