"""Tasks whose questions the reasoning-gym package makes; checkers and reference programs are ours."""
