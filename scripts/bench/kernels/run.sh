#!/bin/sh
# run NAME…: each kernel in turn, then a mark that they are all done.
# Drivers that load beside the prompt would take the time that kernels wait.
while grep -qs coldplug /proc/[0-9]*/cmdline; do sleep 0.5; done
for kernel in "$@"; do
  case $kernel in
  gzip | sort | awk | shell) /bin/sh /bench/shell.sh "$kernel" ;;
  *) /bench/bench "$kernel" ;;
  esac
done
echo '@@'done
