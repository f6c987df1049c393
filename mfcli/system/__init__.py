"""The machine.

capacity    what a stage will take of memory and disk, and what there is
processors  how many processors there are to work on
clock       when the command that runs began
refusals    which exceptions a user can mend, whatever library they come from
pager       long pages on a terminal
streams     the standard streams, which may be closed or full
"""
