/** Command lines about the log that QEMU refuses, a line each, without its name; two quotes are an empty word. */
export const LOG_LINES: readonly string[] = `
-dfilter
-dfilter 0x1
-dfilter x
-dfilter ,0x10+1
-dfilter 0x10+1, -M foo
-dfilter 0x1000.0x10
-dfilter 0x1000+
-dfilter 0x1000+x
-dfilter 0x1000+0x10foo
-dfilter 0x1000..0x2000foo
-dfilter +1..2
-dfilter 1..+2
-dfilter -1..2
-dfilter 1..5-2
-dfilter 1..2..3
-dfilter 08..9
-dfilter 0x..2
-dfilter 1g+1
-dfilter 0x1ffffffffffffffff+2
-dfilter 1+18446744073709551616
-dfilter 0x2000..0x1000
-dfilter 0x10-0x20
-dfilter 0x1000+0
-dfilter 0-0
-dfilter 5+0xffffffffffffffff
-dfilter 0xffffffffffffffff+2
-dfilter '' -M foo
-dfilter 0+0,0xffffffffffffffff-0,5..5,010+1 -M foo
-dfilter 1..2 -dfilter 3..x
-d tid
-d all
-d in_asm,tid -D log
-d out_asm,in_asm,op,op_opt,op_ind,mmu,pcall,page,nochain,plugin,strace -M foo
-d tid -D log -M foo
-singlestep -M foo
--singlestep -dfilter x
-singlestep on -M foo
`
  .trim()
  .split('\n');
