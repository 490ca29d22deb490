"""The commands of this floor, one module each; ``serve.cli`` assembles them."""
