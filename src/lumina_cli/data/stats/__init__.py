"""What data hold, as `lumina data check` tells it."""
