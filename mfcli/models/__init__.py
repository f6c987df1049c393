"""What is scored and what is minimised: torch modules, the same as arrays, objectives."""
