#!/bin/sh
# run NAME…: each kernel in turn, then a mark that they are all done.
for kernel in "$@"; do
  case $kernel in
  gzip | sort | awk | shell) /bin/sh /bench/shell.sh "$kernel" ;;
  *) /bench/bench "$kernel" ;;
  esac
done
echo '@@'done
