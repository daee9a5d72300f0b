"""How often drift is alarmed falsely, how soon truly, and whether the alarm names what moved."""
