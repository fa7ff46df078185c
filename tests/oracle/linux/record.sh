#!/bin/sh
# Builds the programs that tests give to Linux. Needs x86-64 gcc.
set -eu
cd "$(dirname "$0")"
gcc -O1 -ffreestanding -fno-stack-protector -fno-pic -fno-builtin -nostdlib -static -no-pie -Wall -Wextra -Werror \
  -fcf-protection=none -fno-asynchronous-unwind-tables -Wl,--build-id=none -Wl,-z,noexecstack -s -o litmus.elf litmus.c
