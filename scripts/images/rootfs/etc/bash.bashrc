# Every interactive bash.
PS1='guest# '
HISTCONTROL=ignoreboth
