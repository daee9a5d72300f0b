"""A campaign of faults under load: what fails, and what must be as before afterwards."""
